-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- DER to the object that LuaSec's programs know as a certificate.

local core = require "iotsafe.core"
local pem = require "iotsafe.pem"

local methods = {}
local metatable = { __index = methods }

function methods:der()
	return self.data
end

function methods:pem()
	return pem(self.data)
end

local function hexadecimal(byte)
	return ("%02x"):format(byte:byte())
end

-- digest(["sha256"]): in hexadecimal; of SHA-1 without a name, as LuaSec has
-- it.
function methods:digest(name)
	local bytes = core.digest(name or "sha1", self.data)
	if not bytes then
		return nil, ("no hash is called %q"):format(name),
			core.ERR_ARG, 0
	end
	return (bytes:gsub(".", hexadecimal))
end

return function(der)
	return setmetatable({ data = der }, metatable)
end
