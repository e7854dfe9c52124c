-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- A card: its objects, its keys, and connections that it authenticates.
-- Objects are named as docs/addresses.md says, "label=client" for example; no
-- name means the card's identity.

local core = require "iotsafe.core"
local key = require "iotsafe.key"
local record = require "iotsafe.object"
local words = require "iotsafe.words"

local RANDOM_MOST = 65536 -- of one call of the library

local methods = {}
local metatable = { __index = methods }

local card = {}

local function adopt(handle, ...)
	if not handle then
		return nil, ...
	end
	return setmetatable({ handle = handle }, metatable)
end

function card.open(address)
	return adopt(core.card_open(address))
end

-- Frees a handle once the results behind it are there, and passes them on.
local function after(free, handle, ...)
	free(handle)
	return ...
end

-- The canonical address: the same string for the same card.
function methods:address()
	return core.card_address(self.handle)
end

-- The number of the SIM or eSIM profile, "" if it cannot be read. It never
-- changes: where another card is found in its place, every call fails with
-- ERR_CLOSED until the card is opened anew.
function methods:iccid()
	return core.card_iccid(self.handle)
end

-- The limit of one operation, in seconds.
function methods:settimeout(seconds)
	return core.card_set_timeout(self.handle, math.ceil(seconds * 1000))
end

local function info_values(info)
	local values = {}
	for index = 0, core.info_count(info) - 1 do
		local name = core.info_name(info, index)
		values[name] = core.info_value(info, index)
	end
	return values
end

-- What is known of the card, by name: info().aid, …
function methods:info()
	local info, message, code, status = core.card_info(self.handle)
	if not info then
		return nil, message, code, status
	end
	return after(core.info_free, info, info_values(info))
end

-- What has gone over the link since the card was opened.
function methods:counters()
	local exchanges, message, code =
		core.card_counter(self.handle, core.EXCHANGES)
	if not exchanges then
		return nil, message, code
	end
	local function counter(which)
		return core.card_counter(self.handle, which)
	end
	return {
		exchanges = exchanges,
		bytes_sent = counter(core.BYTES_SENT),
		bytes_received = counter(core.BYTES_RECEIVED),
		signatures = counter(core.SIGNATURES),
		link_time = counter(core.LINK_TIME) / 1000000,
	}
end

local function records(list)
	local all = {}
	while true do
		local object, message, code, status = core.list_next(list)
		if message then
			return nil, message, code, status
		elseif not object then
			return all
		end
		all[#all + 1] = record(object)
	end
end

-- The objects that match the name (none: all), as iotsafe.object has them.
function methods:list(name)
	local list, message, code, status = core.card_list(self.handle, name)
	if not list then
		return nil, message, code, status
	end
	return after(core.list_free, list, records(list))
end

function methods:key(name)
	return key.open(self.handle, name)
end

-- The whole file of that name.
function methods:read(name)
	local file, message, code, status = core.file_open(self.handle, name)
	if not file then
		return nil, message, code, status
	end
	return after(core.file_free, file, core.file_read(file))
end

local function key_certificate(self, name)
	local owner, message, code, status = core.key_open(self.handle, name)
	if not owner then
		return nil, message, code, status
	end
	return after(core.key_free, owner, core.key_certificate(owner, 0))
end

-- The first of certificates that stand behind one another, as DER (X.690 8.1.3).
local function first(data)
	local tag, size, high, low = data:byte(1, 4)
	if tag ~= 0x30 or not low or size ~= 0x81 and size ~= 0x82 then
		return data
	end
	size = size == 0x82 and 4 + high * 256 + low or 3 + high
	return data:sub(1, size)
end

-- A certificate, DER: the identity's, that of the key of this name, or the
-- certificate file of this name.
function methods:certificate(name)
	if name == nil or name == "" then
		return key_certificate(self)
	end
	local der, message, code, status = self:read(name)
	if der then
		return first(der)
	end
	if code ~= core.ERR_ABSENT and code ~= core.ERR_ARG then
		return nil, message, code, status
	end
	local own, key_message, key_code, key_status =
		key_certificate(self, name)
	-- Not a name of keys: what was said about files holds.
	if key_code == core.ERR_ARG then
		return nil, message, code, status
	end
	return own, key_message, key_code, key_status
end

-- A public key: DER SubjectPublicKeyInfo.
function methods:public_key(name)
	return core.card_public_key(self.handle, name)
end

-- generate([name]): makes a new key pair in the slot of this private key
-- (none: the only one that can) and gives the key. The former one is lost.
function methods:generate(name)
	return key.generate(self.handle, name)
end

-- Puts a public key (DER SubjectPublicKeyInfo) into the public-key object of
-- that name.
function methods:put_public_key(name, spki)
	return core.card_put_public_key(self.handle, name, spki)
end

-- verify(name, "sha256", digest, signature): true if the card finds that the
-- signature is by its public key of that name; code ERR_VERIFY if it is not.
-- ECDSA signatures may be r and s or DER.
function methods:verify(name, algorithm, digest, signature)
	local bits, message, code, status = words.algorithm(algorithm)
	if not bits then
		return nil, message, code, status
	end
	local plain
	plain, message, code, status = words.signature(signature)
	if not plain then
		return nil, message, code, status
	end
	return core.card_verify(self.handle, name, bits, digest, plain)
end

-- verify_data(name, "sha256", data, signature [, mode]): the same without a
-- digest; key:sign_data tells the modes.
function methods:verify_data(name, algorithm, data, signature, mode)
	local bits, number, code, status = words.signing(algorithm, mode)
	if not bits then
		return nil, number, code, status
	end
	local plain, message
	plain, message, code, status = words.signature(signature)
	if not plain then
		return nil, message, code, status
	end
	return core.card_verify_data(self.handle, name, bits, number, data,
		plain)
end

-- The AES-CMAC of data by the secret key of that name, 16 bytes.
function methods:mac(name, data)
	return core.card_mac(self.handle, name, data)
end

-- prf(label, seed, size [, name [, secret]]): the pseudo-random function of
-- TLS 1.2, computed by the card: 1 to 255 bytes of the secret key of that
-- name as a pre-shared key, or of the secret, or of both: the premaster of an
-- ECDHE and the pre-shared key.
function methods:prf(label, seed, size, name, secret)
	return core.card_prf(self.handle, name, secret, label, seed, size)
end

-- hkdf_extract("sha256", secret [, salt]): HKDF-Extract (RFC 5869), computed
-- by the card; iotsafe.hkdf_expand does the rest here.
function methods:hkdf_extract(algorithm, secret, salt)
	local bits, message, code, status = words.algorithm(algorithm)
	if not bits then
		return nil, message, code, status
	end
	return core.card_hkdf_extract(self.handle, bits, secret, salt)
end

-- psk(identity [, name [, context]]): a key for both ends of TLS-PSK, 32
-- bytes, derived by the card from the secret key of that name.
function methods:psk(identity, name, context)
	return core.card_psk(self.handle, name, identity, context)
end

-- pin_tries([applet]): how often the PIN of an applet, "mias" or "mf", may
-- still be wrong; asking costs no try. false: it was given already, and the
-- card does not tell while it holds. No applet means that of the identity.
function methods:pin_tries(applet)
	return core.card_pin_tries(self.handle, applet)
end

-- pin_verify(pin [, applet]): sends it, once, whatever number of tries is
-- left. It holds as long as the card is open. ERR_PIN: it was wrong or is
-- blocked; the sentence has how many tries are left.
function methods:pin_verify(pin, applet)
	return core.card_pin_verify(self.handle, applet, pin)
end

-- pin_change(old, new [, applet]): another PIN; a wrong old one costs a try.
function methods:pin_change(old, new, applet)
	return core.card_pin_change(self.handle, applet, old, new)
end

-- Bytes from the card's random generator, as many as asked for.
function methods:random(size)
	local pieces = {}
	while size > RANDOM_MOST do
		local piece, message, code, status =
			core.card_random(self.handle, RANDOM_MOST)
		if not piece then
			return nil, message, code, status
		end
		pieces[#pieces + 1] = piece
		size = size - RANDOM_MOST
	end
	local last, message, code, status =
		core.card_random(self.handle, size)
	if not last then
		return nil, message, code, status
	end
	return table.concat(pieces) .. last
end

-- Sends one command APDU on the applet's channel and gives the answer with
-- its status word, whatever that is. For experts.
function methods:apdu(command)
	return core.card_transact(self.handle, command)
end

-- Ends what is under way on this card, in whatever thread or Lua state.
function methods:cancel()
	return core.card_cancel(self.handle)
end

-- connect(host, port [, options]): a connection that has shaken hands.
-- wrap(socket or descriptor [, options]): one that has not.
-- iotsafe.connection tells the options.
-- Connections are loaded with the first one: who only signs does without.
function methods:connect(host, port, options)
	return require "iotsafe.connect"(self.handle, host, port, options)
end

function methods:wrap(socket, options)
	return require "iotsafe.connection".wrap(self.handle, socket, options)
end

-- Keys and connections live on; the last of them closes the card.
function methods:close()
	core.card_free(self.handle)
end

metatable.__close = methods.close

function metatable:__tostring()
	local address, message = self:address()
	return "iotsafe card: " .. (address or message)
end

return card
