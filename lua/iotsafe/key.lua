-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- A private key on a card: signatures, and what is known of the key.

local core = require "iotsafe.core"
local record = require "iotsafe.object"

local methods = {}
local metatable = { __index = methods }

local key = {}

local function adopt(handle, ...)
	if not handle then
		return nil, ...
	end
	return setmetatable({ handle = handle }, metatable)
end

-- The private key of that name on the card whose handle this is.
function key.open(card, name)
	return adopt(core.key_open(card, name))
end

-- True for what key.open gave.
function key.is(value)
	return getmetatable(value) == metatable
end

-- The record of the key, as card:list gives it.
function methods:object()
	local handle, message, code, status = core.key_object(self.handle)
	if not handle then
		return nil, message, code, status
	end
	return record(handle)
end

-- An ECDSA signature is r and s; an RSA signature has one form only.
local function to_der(self, signature)
	local object, message, code, status = self:object()
	if not object then
		return nil, message, code, status
	elseif object.key_type:find("^RSA") then
		return signature
	end
	return core.signature_to_der(signature)
end

-- sign("sha256", digest [, "der"]): signs a digest on the card. The first
-- argument may also name the whole algorithm, "ecdsa-sha256". The signature
-- is r and s behind one another, or with "der" a DER sequence of the two.
function methods:sign(algorithm, digest, format)
	local bits = core.algorithm_from_name(algorithm)
	if bits == 0 then
		return nil, ("no algorithm is called %q"):format(algorithm),
			core.ERR_ARG, 0
	elseif format ~= nil and format ~= "der" and format ~= "raw" then
		return nil, ("no form of a signature is called %q"):format(
			tostring(format)), core.ERR_ARG, 0
	end

	local signature, message, code, status =
		core.key_sign(self.handle, bits, digest)
	if not signature then
		return nil, message, code, status
	elseif format == "der" then
		return to_der(self, signature)
	end
	return signature
end

-- The public key: DER SubjectPublicKeyInfo.
function methods:public_key()
	return core.key_public_key(self.handle)
end

-- The i-th certificate of the key's chain, DER; 1, the default, is its own.
function methods:certificate(index)
	return core.key_certificate(self.handle, (index or 1) - 1)
end

-- A list of DER: the key's certificate and what issued it, without the root.
function methods:chain()
	local chain = {}
	while true do
		local der, message, code, status =
			core.key_certificate(self.handle, #chain)
		if der then
			chain[#chain + 1] = der
		elseif code == core.ERR_ABSENT and chain[1] then
			return chain
		else
			return nil, message, code, status
		end
	end
end

-- Uses this certificate (DER, or PEM with a chain) instead of the card's.
function methods:set_certificate(data)
	return core.key_set_certificate(self.handle, data)
end

-- True if every signature is verified before it is given out.
function methods:verifies()
	return core.key_verifies(self.handle)
end

function methods:close()
	core.key_free(self.handle)
end

metatable.__close = methods.close

function metatable:__tostring()
	local object = self:object()
	return "iotsafe key: " .. (object and object.name or "closed")
end

return key
