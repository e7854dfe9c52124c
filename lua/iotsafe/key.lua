-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- A private key on a card: signatures, shared secrets, what is made of them,
-- and what is known of the key.

local core = require "iotsafe.core"
local record = require "iotsafe.object"
local words = require "iotsafe.words"

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

-- A new key pair in the slot of that name.
function key.generate(card, name)
	return adopt(core.key_generate(card, name))
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

-- Passes a signature on in the form asked for, or a failure as it is.
local function in_form(self, form, signature, ...)
	if signature and form == "der" then
		return to_der(self, signature)
	end
	return signature, ...
end

-- sign("sha256", digest [, "der"]): signs a digest on the card. The first
-- argument may also name the whole algorithm, "ecdsa-sha256". The signature
-- is r and s behind one another, or with "der" a DER sequence of the two.
function methods:sign(algorithm, digest, form)
	local bits, message, code, status =
		words.signing(algorithm, nil, form)
	if not bits then
		return nil, message, code, status
	end
	return in_form(self, form, core.key_sign(self.handle, bits, digest))
end

-- sign_data("sha256", data [, mode [, "der"]]): the same without a digest.
-- The data is hashed here, or with mode "full-text" by the card, or with
-- "last-block" by both.
function methods:sign_data(algorithm, data, mode, form)
	local bits, number, code, status = words.signing(algorithm, mode, form)
	if not bits then
		return nil, number, code, status
	end
	return in_form(self, form,
		core.key_sign_data(self.handle, bits, number, data))
end

-- agree([peer [, slot]]): the secret shared with a peer, the x coordinate of
-- ECDH, not hashed. The peer's key, DER SubjectPublicKeyInfo, is put into the
-- public-key object of that name first (none: the only one that can be
-- written); without it the key there is taken.
function methods:agree(peer, slot)
	return core.key_agree(self.handle, slot, peer)
end

-- What was encrypted to this RSA key with PKCS#1 v1.5 padding: by the card, or
-- here with a software key.
function methods:decrypt(data)
	return core.key_decrypt(self.handle, data)
end

-- The private key itself, DER, where object().software says that the card
-- gives it out; iotsafe.pem(der, "RSA PRIVATE KEY") is its text form. Others
-- give ERR_DENIED.
function methods:export()
	return core.key_export(self.handle)
end

-- csr(subject [, names [, usages]]): a certificate signing request, DER;
-- iotsafe.pem(der, "CERTIFICATE REQUEST") is its text form. The subject is
-- like "CN=device-7,O=Example", names and usages are strings or lists, like
-- { "dns:a.example", "ip:192.0.2.7" } and { "clientAuth" }.
function methods:csr(subject, names, usages)
	local message, code
	names, message, code = words.list(names)
	if not message then
		usages, message, code = words.list(usages)
	end
	if message then
		return nil, message, code, 0
	end
	return core.key_csr(self.handle, subject, names, usages)
end

-- jws(payload [, type [, kid]]): a signed token in compact form; with JSON
-- claims and the type "JWT" it is a JWT.
function methods:jws(payload, type, kid)
	return core.key_jws(self.handle, type, kid, payload)
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

-- Completes the chain with the CA certificates of a file, or of the files of a
-- directory, that really issued it; a root is left out. ERR_ABSENT: an issuer
-- is missing; what was found is there.
function methods:complete_chain(bundle)
	return core.key_complete_chain(self.handle, bundle)
end

-- Uses this certificate (DER or PEM, its chain behind it) instead of the card's.
function methods:set_certificate(data)
	return core.key_set_certificate(self.handle, data)
end

-- Begins a signature before it is known over what: the next one is done by the
-- second of its two commands, if the card is asked for nothing else before.
-- False: none was begun. card:connect() does it by itself.
function methods:prepare()
	return core.key_prepare(self.handle)
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
