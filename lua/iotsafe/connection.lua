-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- A TLS or DTLS connection in LuaSocket's manner, over a LuaSocket object or
-- a descriptor, authenticated by a card.
--
-- Results, as far as they differ from the rest of iotsafe:
--
--	dohandshake   true; or false, message, code, status word, sentence
--	send          last byte sent; or nil, message, last byte sent, code,
--	              sentence
--	receive       data; or nil, message, partial data, code, sentence
--
-- The message is one of LuaSocket's words where its programs look for one:
-- "timeout" if the limit of settimeout has passed, "closed", and "wantread"
-- or "wantwrite" if that limit is 0. Else it is the sentence.
--
-- While the card signs for a connection with settimeout(0), dohandshake says
-- "wantread", want() says "card", and getfd() gives the descriptor to read
-- from, which is not the socket's then: loops around socket.select that know
-- LuaSec do the right thing.

local core = require "iotsafe.core"
local options = require "iotsafe.options"
local pattern = require "iotsafe.pattern"

local RECORD = 16384 -- the most that one TLS record carries
local LONGEST = 2147483647 -- milliseconds; the C type ends there
local GOODBYE = 1000 -- close() does not wait longer for a deaf peer
local CHAIN_MOST = 1000 -- certificates; nobody has so many
local PIECES = 16 -- unread ones that close() takes; a flood has more

local methods = {}
local metatable = { __index = methods }

local words = {
	[core.ERR_TIMEOUT] = "timeout",
	[core.ERR_CLOSED] = "closed",
	[core.WANT_READ] = "wantread",
	[core.WANT_WRITE] = "wantwrite",
	[core.WANT_CARD] = "wantread",
}

local wants = {
	[core.WANT_READ] = "read",
	[core.WANT_WRITE] = "write",
	[core.WANT_CARD] = "card",
}

-- The socket's own descriptor, -1 if it was closed behind our back.
local function descriptor(self)
	if self.socket then
		return self.socket:getfd()
	end
	return self.fd
end

-- What is left of a limit; never 0 before it began as that, which would mean
-- not to wait at all.
local function left_of(most, started)
	if most <= 0 then
		return most
	end
	return math.max(most - (core.clock() - started), 1)
end

-- How long the next wait of a call may be, in milliseconds. As in LuaSocket,
-- the limit "b" is one of the whole call where it stands alone: a peer that
-- sends byte by byte does not lengthen it.
local function limit(self, started)
	if self.total < 0 then
		return left_of(self.block, started)
	end
	local left = left_of(self.total, started)
	return self.block >= 0 and math.min(self.block, left) or left
end

function methods:dohandshake()
	if self.ready then
		return true
	end
	local fd = descriptor(self)
	if fd < 0 then
		return false, "closed", core.ERR_CLOSED, 0
	end

	local started = core.clock()
	local wait = limit(self, started)
	local done, message, code, status =
		core.tls_handshake(self.tls, fd, wait)
	self.wanted = wants[code]
	if done then
		self.ready = true
		return true
	end
	local word = wants[code] and words[code] or message
	-- A card that is late is no time-out of the connection.
	if code == core.ERR_TIMEOUT and wait >= 0
	   and core.clock() - started >= wait then
		word = "timeout"
	end
	return false, word, code, status, message
end

-- send(data [, first [, last]]), counted as string.sub counts.
function methods:send(data, first, last)
	data = tostring(data)
	first, last = first or 1, last or -1
	first = math.max(first < 0 and first + #data + 1 or first, 1)
	last = math.min(last < 0 and last + #data + 1 or last, #data)
	if not self.ready or descriptor(self) < 0 then
		return nil, "closed", 0, core.ERR_CLOSED
	elseif first > last then
		return first - 1
	elseif first > 1 or last < #data then
		data = data:sub(first, last)
	end

	local sent, message, code, _, partial =
		core.tls_send(self.tls, data, limit(self, core.clock()))
	if sent and sent < #data then
		code, partial = core.WANT_WRITE, sent
	end
	self.wanted = wants[code]
	if not code then
		return last
	end
	return nil, words[code] or message, first - 1 + (partial or 0), code,
		message
end

-- One record, or with DTLS one datagram, of at most that size.
local function record(self, size, started)
	local data, message, code =
		core.tls_receive(self.tls, size, limit(self, started))
	self.wanted = wants[code]
	if data == "" then
		return nil, "the peer closed the connection", core.ERR_CLOSED
	end
	return data, message, code
end

-- receive([pattern [, prefix]]): "*l", "*a" or a number of bytes; over DTLS
-- one datagram, of at most that number of bytes. The level is error()'s, for
-- a wrong pattern.
function methods:receive(what, prefix, level)
	local read, size = pattern.find(what, self.datagram, level or 3)
	local parts = { prefix and tostring(prefix) or "" }
	if not self.ready or descriptor(self) < 0 then
		return nil, "closed", parts[1], core.ERR_CLOSED
	end

	local started = core.clock()
	local function more(most)
		return record(self, most or RECORD, started)
	end
	local whole, message, code = read(self.buffer, parts, more, size)
	local data = table.concat(parts)
	if whole then
		return data
	end
	return nil, words[code] or message, data, code, message
end

-- The first argument of a method, which its caller called.
local function as_number(value, name)
	return tonumber(value) or error(("bad argument #1 to '%s' (number "
		.. "expected, got %s)"):format(name, type(value)), 3)
end

-- settimeout(seconds [, mode]): nil or less than 0 waits for ever, 0 not at
-- all. Mode "t" limits a whole call; "b", the default, too, or each wait of it
-- where both are given.
function methods:settimeout(seconds, mode)
	local wait = -1
	if seconds ~= nil then
		seconds = as_number(seconds, "settimeout")
	end
	if seconds and seconds >= 0 then
		wait = math.min(math.ceil(seconds * 1000), LONGEST)
	end
	mode = mode or "b"
	if mode == "b" then
		self.block = wait
	elseif mode == "t" or mode == "r" then
		self.total = wait
	else
		error("bad argument #2 to 'settimeout' (invalid mode)", 2)
	end
	return 1
end

-- The limits in seconds, "b" and "t"; -1 is none.
function methods:gettimeout()
	local function seconds(wait)
		return wait < 0 and -1 or wait / 1000
	end
	return seconds(self.block), seconds(self.total)
end

-- What the last call waits for: "read", "write", "card" or "nothing".
function methods:want()
	return self.wanted or "nothing"
end

-- Which descriptor to wait for; -1 once the connection is closed.
function methods:getfd()
	if self.wanted == "card" then
		return (core.tls_poll(self.tls)) or -1
	elseif not core.tls_pending(self.tls) then
		return -1
	end
	return descriptor(self)
end

-- For other loops: descriptor, poll(2) events, and after how many seconds to
-- call again at the latest (nil: no limit; DTLS repeats what was lost).
function methods:poll()
	local fd, events, wait = core.tls_poll(self.tls)
	if not fd then
		return nil, events, wait
	end
	return fd, events, wait >= 0 and wait / 1000 or nil
end

-- True if receive has bytes without the descriptor; socket.select asks.
function methods:dirty()
	return not pattern.empty(self.buffer)
		or (core.tls_pending(self.tls) or 0) > 0
end

-- The name of the server, before the handshake.
function methods:sni(name)
	return core.tls_set_server_name(self.tls, name)
end

-- The n-th certificate of the peer's chain; 1, the default, is its own.
function methods:getpeercertificate(index)
	index = as_number(index or 1, "getpeercertificate")
	if index < 1 or index > CHAIN_MOST then
		return nil, "invalid certificate index", core.ERR_ARG, 0
	end
	local der, message, code, status =
		core.tls_peer_certificate(self.tls, math.floor(index) - 1)
	if not der then
		return nil, message, code, status
	end
	return require "iotsafe.certificate"(der)
end

-- What resumes this session later, as the option session of another
-- connection; a secret. nil while the server gave nothing: with TLS 1.3 it
-- comes with the first data.
function methods:session()
	return core.tls_session(self.tls)
end

-- True if an earlier session was resumed, without the card.
function methods:resumed()
	return core.tls_resumed(self.tls)
end

-- The protocol agreed on, nil if none.
function methods:getalpn()
	local name, message, code = core.tls_alpn(self.tls)
	if not name then
		return nil, message, code
	end
	return name ~= "" and name or nil
end

-- info([field]): protocol ("TLSv1.3"), cipher (IANA's name), alpn, and
-- certificate: true if the card's was asked for and used.
function methods:info(field)
	local version, message, code = core.tls_version(self.tls)
	if not version then
		return nil, message, code
	elseif not self.ready then
		return not field and {} or nil
	end
	local info = {
		protocol = version:gsub("TLS", "TLSv"),
		cipher = core.tls_cipher_suite(self.tls),
		alpn = self:getalpn(),
		certificate = core.tls_certificate_used(self.tls),
	}
	if field then
		return info[field]
	end
	return info
end

-- Keying material for the application (RFC 5705).
function methods:exportkeyingmaterial(label, size, context)
	return core.tls_export(self.tls, label, context, size)
end

-- What the socket below knows.
for _, name in ipairs { "getpeername", "getsockname", "setoption" } do
	methods[name] = function(self, ...)
		local socket = self.socket
		if not core.tls_pending(self.tls) then
			return nil, "closed", core.ERR_CLOSED
		elseif not (socket and socket[name]) then
			return nil, name .. " needs a LuaSocket object",
				core.ERR_SUPPORT, 0
		end
		return socket[name](socket, ...)
	end
end

-- Takes what nobody read, tickets of TLS 1.3 at least: closing the socket over
-- it would reset the connection, and the peer would lose what it has not read.
local function empty(self)
	for _ = 1, PIECES do
		local data = core.tls_receive(self.tls, RECORD, 0)
		if not data or data == "" then
			return
		end
	end
end

-- Says good-bye and closes the socket; a bare descriptor stays open.
function methods:close()
	if self.ready and descriptor(self) >= 0 then
		core.tls_close(self.tls, self.block == 0 and 0 or GOODBYE)
		if self.socket and not self.datagram then
			empty(self)
		end
	end
	core.tls_free(self.tls)
	self.ready, self.wanted, self.buffer = false, nil, pattern.buffer()
	if self.socket then
		self.socket:close()
	end
	return 1
end

metatable.__close = methods.close

-- Programs tell the kind of a socket by the first three characters.
function metatable:__tostring()
	return "SSL connection: " .. self.name
end

local connection = { methods = methods }

local function is_datagram(socket)
	return tostring(socket):find("^udp") ~= nil
end

-- A connection over a connected LuaSocket object, which is closed with it,
-- or over a descriptor, which is not. See iotsafe.options. The metatable is
-- that of programs which know other manners (iotsafe.ssl).
function connection.wrap(card, socket, given, other)
	given = given or {}
	if type(socket) ~= "number" and not socket.getfd then
		error("bad argument #1 to 'wrap' (socket expected)", 3)
	end
	local datagram = options.datagram(given) or is_datagram(socket)
	local tls, message, code, status =
		core.tls_new(card, datagram and core.TLS_DATAGRAM or 0)
	if not tls then
		return nil, message, code, status
	end
	local set
	set, message, code, status = options.apply(tls, given)
	if not set then
		core.tls_free(tls)
		return nil, message, code, status
	end

	local self = {
		tls = tls,
		fd = type(socket) == "number" and socket or nil,
		socket = type(socket) ~= "number" and socket or nil,
		datagram = datagram,
		buffer = pattern.buffer(),
		ready = false,
		block = -1,
		total = -1,
	}
	self.name = tostring(self):match("0x%x+") or "?"
	setmetatable(self, other or metatable)
	self:settimeout(given.timeout)
	return self
end

return connection
