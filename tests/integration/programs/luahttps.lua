-- SPDX-License-Identifier: LGPL-2.1-or-later
-- LuaSocket's http with iotsafe.https, or LuaSec's own ssl.https over
-- iotsafe.ssl. Arguments: "LuaSocket" or "LuaSec", URL, CA file.
local ltn12 = require "ltn12"
local ssl = require "iotsafe.ssl"
local parameters = { mode = "client", protocol = "any", cafile = arg[3],
	verify = "peer" }
local page = {}
local request = { url = arg[2], sink = ltn12.sink.table(page) }
if arg[1] == "LuaSocket" then
	request.redirect = false
	request.create = require "iotsafe.https".tcp(parameters)
	assert(require "socket.http".request(request))
else
	package.loaded["ssl"] = ssl
	for name, value in pairs(parameters) do
		request[name] = value
	end
	assert(require "ssl.https".request(request))
end
print(table.concat(page))
