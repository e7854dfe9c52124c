-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- A connection made from the host's name on: LuaSocket's socket below, the
-- handshake done.

local core = require "iotsafe.core"
local connection = require "iotsafe.connection"
local options = require "iotsafe.options"

local CONNECT_SECONDS = 60

-- A connected socket of LuaSocket's.
local function reach(host, port, datagram, seconds)
	local found, luasocket = pcall(require, "socket")
	if not found then
		return nil, "card:connect needs LuaSocket (module socket), "
			.. "which is not installed", core.ERR_SUPPORT, 0
	end
	local socket = datagram and luasocket.udp() or luasocket.tcp()
	local connect = datagram and socket.setpeername or socket.connect
	socket:settimeout(seconds)
	local done, message = connect(socket, host, port)
	if done then
		return socket
	end
	socket:close()
	return nil, ("connecting to %s port %s: %s"):format(host, port,
		message), message == "timeout" and core.ERR_TIMEOUT
		or core.ERR_IO, 0
end

-- Connects and shakes hands, both within the time-out. The server's name is
-- the host unless the options say otherwise.
return function(card, host, port, given)
	local all = { server_name = host }
	for name, value in pairs(given or {}) do
		all[name] = value
	end
	local seconds = all.timeout or CONNECT_SECONDS
	local started = core.clock()
	local socket, message, code, status =
		reach(host, port, options.datagram(all), seconds)
	if not socket then
		return nil, message, code, status
	end
	local self
	self, message, code, status = connection.wrap(card, socket, all)
	if not self then
		socket:close()
		return nil, message, code, status
	end

	if seconds >= 0 then
		local left = seconds - (core.clock() - started) / 1000
		self:settimeout(math.max(left, 0.001))
	end
	local done, sentence
	done, message, code, status, sentence = self:dohandshake()
	self:settimeout(all.timeout)
	if not done then
		self:close()
		return nil, sentence or message, code, status
	end
	return self
end
