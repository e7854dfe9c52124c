-- SPDX-License-Identifier: LGPL-2.1-or-later
-- attempt.c in Lua.
local iotsafe = require "iotsafe"

local function tell(sentence, code, status)
	print(("%s\t%04X\t%s"):format(iotsafe.error_name(code), status or 0,
	                              sentence))
	os.exit(0)
end

-- nil, sentence, code, status: ends the program.
local function need(value, sentence, code, status)
	if value == nil then
		tell(sentence, code, status)
	end
	return value
end

local card = need(iotsafe.open(arg[1]))
if arg[2] == "sign" then
	local key = need(card:key(arg[3]))
	need(key:sign("sha256", ("\0"):rep(32)))
elseif arg[2] == "connect" then
	local tls = need(card:wrap(tonumber(arg[3]), {
		cafile = arg[4],
		server_name = arg[5],
		timeout = tonumber(arg[6]) / 1000,
	}))
	local ok, _, code, status, sentence = tls:dohandshake()
	if not ok then
		tell(sentence, code, status)
	end
	ok, _, _, code, sentence = tls:receive(1)
	if not ok then
		tell(sentence, code)
	end
end
print("OK")
