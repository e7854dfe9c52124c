-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Message protection without TLS: each message a COSE_Encrypt0 (RFC 9052).

local core = require "iotsafe.core"

local methods = {}
local metatable = { __index = methods }

local seal = {}

local function adopt(handle, ...)
	if not handle then
		return nil, ...
	end
	return setmetatable({ handle = handle }, metatable)
end

-- new(secret, kid, file [, options]). The secret, 16 to 1024 bytes, is what
-- both ends got from key:agree or card:prf; the kid names it in every message.
-- The file keeps the counters: one for each secret, one process at a time.
-- Options are switches: `server` at the other end; `create` makes the file,
-- which is right once in the life of a secret: a counter that began anew would
-- give messages away.
function seal.new(secret, kid, state, options)
	options = options or {}
	local bits = (options.server and core.SEAL_SERVER or 0)
		+ (options.create and core.SEAL_CREATE or 0)
	return adopt(core.seal_new(secret, kid, state, bits))
end

-- encrypt(message [, extra]): at most 65536 bytes. What is extra is protected
-- with the message and not sent: the other end has to know it.
function methods:encrypt(message, extra)
	return core.seal_encrypt(self.handle, message, extra)
end

-- decrypt(message [, extra]); code ERR_VERIFY: not from the other end, or
-- changed, or seen before, or older than the 64 newest; ERR_FORMAT: no sealed
-- message at all.
function methods:decrypt(message, extra)
	return core.seal_decrypt(self.handle, message, extra)
end

-- Wipes the secret and lets go of the file.
function methods:close()
	core.seal_free(self.handle)
end

metatable.__close = methods.close

return seal
