-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- LuaSec's module ssl.https, with the card's key: LuaSocket's http over
-- iotsafe.ssl.
--
--	local https = require "iotsafe.https"
--	local body, code = https.request("https://example.com/")
--
-- A request that is a table takes the parameters of ssl.wrap too. Redirects are
-- not followed: LuaSocket would follow them without the card, even to plain
-- HTTP; the answer tells where they lead.

local core = require "iotsafe.core"
local http = require "socket.http"
local ltn12 = require "ltn12"
local socket = require "socket"
local ssl = require "iotsafe.ssl"
local url = require "socket.url"

local https = {
	_VERSION = ssl._VERSION,
	PORT = 443,
	TIMEOUT = 60,
}

local methods = {}
local metatable = { __index = methods }

-- LuaSocket's own limit is for plain connections.
function methods:settimeout()
	return self.plain:settimeout(https.TIMEOUT)
end

-- The object becomes the TLS connection: LuaSocket keeps it.
function methods:connect(host, port)
	local done, message = self.plain:connect(host, port)
	if not done then
		return nil, message
	end
	local tls
	tls, message = ssl.wrap(self.plain, self.parameters)
	if not tls then
		return nil, message
	end
	if self.parameters.server_name == nil
	   and self.parameters.server == nil then
		tls:sni(host)
	end
	self.plain, self.parameters = nil, nil
	for name, value in pairs(tls) do
		self[name] = value
	end
	setmetatable(self, getmetatable(tls))
	self:settimeout(https.TIMEOUT)
	local code, sentence, _
	done, message, code, _, sentence = self:dohandshake()
	if done then
		return 1
	elseif code == core.ERR_UNTRUSTED then
		message = message .. ": " .. sentence
	end
	return nil, message
end

function methods:close()
	return self.plain:close()
end

-- tcp(parameters): what LuaSocket's requests take as `create`.
function https.tcp(parameters)
	local all = {}
	for name, value in pairs(parameters or {}) do
		all[name] = value
	end
	all.mode = "client"
	all.protocol = all.protocol or "any"
	return function()
		return setmetatable({ plain = socket.tcp(), parameters = all },
			metatable)
	end
end

local function with_port(address)
	return url.build(url.parse(address, { port = https.PORT }))
end

-- A table as LuaSocket wants it, and where the page goes if nobody else
-- gets it.
local function to_table(given, body)
	local request = {}
	if type(given) == "table" then
		for name, value in pairs(given) do
			request[name] = value
		end
		return request
	end
	local page = {}
	request.url = given
	request.sink = ltn12.sink.table(page)
	if body then
		request.method = "POST"
		request.source = ltn12.source.string(body)
		request.headers = {
			["content-length"] = #body,
			["content-type"] = "application/x-www-form-urlencoded",
		}
	end
	return request, page
end

-- request(url [, body]): page, code, headers, status line; of a table 1 and the
-- same. nil and why not.
function https.request(given, body)
	local request, page = to_table(given, body)
	for name, word in pairs { proxy = "proxy not supported",
		redirect = "redirect not supported",
		create = "create function not permitted" } do
		if request[name] then
			return nil, word
		end
	end
	if http.PROXY then
		return nil, "proxy not supported"
	end
	request.url = with_port(request.url)
	request.redirect = false
	request.create = https.tcp(request)
	local done, code, headers, status = http.request(request)
	if done and page then
		return table.concat(page), code, headers, status
	end
	return done, code, headers, status
end

return https
