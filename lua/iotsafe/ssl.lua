-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- LuaSec's module ssl, with the card's key: for programs that know LuaSec.
-- docs/lua.md tells what differs; the great differences are that the server is
-- verified unless verify = "none" is said, and that keys have names.
--
--	local ssl = require "iotsafe.ssl"
--	local tls = assert(ssl.wrap(socket, { mode = "client", cafile = "ca.pem",
--		protocol = "any", server_name = "broker.example" }))
--	assert(tls:dohandshake())
--
-- The connection is that of iotsafe.connection; what is here is where LuaSec's
-- manners are others.

local connection = require "iotsafe.connection"
local context = require "iotsafe.context"
local core = require "iotsafe.core"

local POLLOUT = 4
local UNTRUSTED = "certificate verify failed"

local ssl = {
	_VERSION = "1.2.0 (iotsafe " .. core.version() .. ")",
	-- Called with the sentence of a handshake that failed: programs may
	-- drop it.
	log = nil,
	config = {
		protocols = { any = true, tlsv1_2 = true, tlsv1_3 = true,
			dtlsv1_2 = true },
		options = { all = true, no_sslv2 = true, no_sslv3 = true,
			no_tlsv1 = true, no_tlsv1_1 = true, no_tlsv1_2 = true,
			no_tlsv1_3 = true },
		algorithms = { ec = true },
		curves = {},
		capabilities = { alpn = true, tlsv13 = true, psk = true,
			dane = false, curves_list = false },
	},
}

local defaults = {}
local base = connection.methods

-- A flat table: programs look through it with pairs().
local methods = {}
for name, method in pairs(base) do
	methods[name] = method
end

local metatable = { __index = methods }
metatable.__tostring = function(self)
	return "SSL connection: " .. self.name
end
metatable.__close = function(self)
	self:close()
end

-- Waits for the card alone, for programs that asked for it by card_waits.
local function wait_for_card(self)
	require "socket".select({ self })
end

-- What LuaSec says where the limit has passed: what it waited for.
local function late(self)
	local _, events = core.tls_poll(self.tls)
	return events == POLLOUT and "wantwrite" or "wantread"
end

local function shake_hands(self)
	while true do
		local done, word, code, status, sentence =
			base.dohandshake(self)
		if code ~= core.WANT_CARD or not self.card_waits then
			return done, word, code, status, sentence
		end
		wait_for_card(self)
	end
end

-- true; or false and "wantread", "wantwrite", "closed", "certificate verify
-- failed" or why not; behind it code, status word and sentence.
function methods:dohandshake()
	local done, word, code, status, sentence = shake_hands(self)
	if done then
		return true
	elseif word == "timeout" then
		return false, late(self), code, status, sentence
	elseif word == "wantread" or word == "wantwrite" then
		return false, word, code, status, sentence
	end
	if code == core.ERR_ARG and word:find("name was not set", 1, true) then
		word = word .. ": give server_name, or sni(name) before"
		sentence = word
	end
	self.failure = sentence or word
	if ssl.log then
		ssl.log(self.failure)
	end
	if code == core.ERR_UNTRUSTED then
		word = UNTRUSTED
	elseif code == core.ERR_CLOSED and word:find("^TLS ") then
		word = "closed" -- the peer; a card that has gone has its say
	end
	return false, word, code, status, sentence
end

function methods:receive(what, prefix)
	local data, word, partial, code, sentence =
		base.receive(self, what, prefix, 4)
	local got = data or partial
	self.received = self.received + #got - #tostring(prefix or "")
	if data then
		return data
	end
	return nil, word == "timeout" and "wantread" or word, partial, code,
		sentence
end

function methods:send(data, first, last)
	if type(data) == "number" then
		data = tostring(data)
	elseif type(data) ~= "string" then
		error(("bad argument #1 to 'send' (string expected, got %s)")
			:format(type(data)), 2)
	end
	local from = first or 1
	if from < 0 then
		from = math.max(#data + from + 1, 1)
	end
	local sent, word, partial, code, sentence =
		base.send(self, data, first, last)
	self.sent = self.sent + math.max((sent or partial) - from + 1, 0)
	if sent then
		return sent
	end
	return nil, word == "timeout" and "wantwrite" or word, partial, code,
		sentence
end

-- While the card signs there is something to read from getfd().
function methods:want()
	local want = base.want(self)
	return want == "card" and "read" or want
end

function methods:close()
	base.close(self)
end

function methods:sni(name)
	if type(name) ~= "string" then
		return nil, "sni: a client gives one name", core.ERR_ARG, 0
	end
	self.server = name
	return base.sni(self, name)
end

function methods:getsniname()
	return self.server
end

function methods:getpeercertificate(index)
	if not self.ready then
		return nil, "closed", core.ERR_CLOSED, 0
	end
	return base.getpeercertificate(self, index)
end

-- Everything that the server showed, its own certificate first.
function methods:getpeerchain()
	if not self.ready then
		return nil, "closed", core.ERR_CLOSED, 0
	end
	local chain = {}
	while true do
		local one = self:getpeercertificate(#chain + 1)
		if not one then
			return chain
		end
		chain[#chain + 1] = one
	end
end

-- true; or false and, for each certificate of the chain, a list of what is
-- wrong with it. All we know is said of the first. Before the handshake and
-- after close() it is false and "closed".
function methods:getpeerverification()
	if self.ready and self.verified then
		return true
	elseif not self.ready and not self.failure then
		return false, "closed"
	end
	return false, { { self.failure or "the server was not verified" } }
end

-- Bytes received and sent, and seconds since wrap().
function methods:getstats()
	local age = (core.clock() - self.begun) / 1000
	return self.received, self.sent, age
end

function methods:setstats(received, sent, age)
	self.received = received or self.received
	self.sent = sent or self.sent
	if age then
		self.begun = core.clock() - age * 1000
	end
	return 1
end

-- The names of key exchange and so on are OpenSSL's.
local ciphers = {
	{ "AES_(%d+)_GCM", "AESGCM(%s)", "AEAD" },
	{ "AES_(%d+)_CCM", "AESCCM(%s)", "AEAD" },
	{ "AES_(%d+)_CBC", "AES(%s)" },
	{ "CAMELLIA_(%d+)", "Camellia(%s)" },
	{ "CHACHA20_POLY1305", "CHACHA20/POLY1305(256)", "AEAD" },
}

local function describe(suite, found)
	for _, row in ipairs(ciphers) do
		local bits = suite:match(row[1])
		if bits then
			found.bits = tonumber(bits) or 256
			found.algbits = found.bits
			found.encryption = row[2]:format(bits)
			found.mac = row[3] or suite:match("_(SHA%d*)$")
		end
	end
	local exchange, sign = suite:match("^TLS_(%u+)_(%u+)_WITH_")
	exchange = exchange or suite:match("^TLS_(%u+)_WITH_") or "any"
	found.key = exchange:gsub("DHE$", "DH")
	found.authentication = sign or exchange
end

function methods:info(field)
	local found = self.ready and base.info(self)
	if not found then
		return nil, "closed"
	end
	found.compression, found.export = false, false
	describe(found.cipher, found)
	if field then
		return found[field]
	end
	return found
end

-- The card's certificate and those that issued it; after the handshake they
-- are known already.
function methods:getlocalchain()
	local key, message, code, status =
		core.key_open(self.card.handle, self.key)
	if not key then
		return nil, message, code, status
	end
	local chain, der = {}
	repeat
		der, message, code, status = core.key_certificate(key, #chain)
		chain[#chain + 1] = der and require "iotsafe.certificate"(der)
	until not der
	core.key_free(key)
	if code ~= core.ERR_ABSENT then
		return nil, message, code, status
	end
	return chain
end

function methods:getlocalcertificate()
	local chain, message, code, status = self:getlocalchain()
	if not chain then
		return nil, message, code, status
	end
	return chain[1]
end

for _, name in ipairs { "getfinished", "getpeerfinished", "setdane",
	"settlsa" } do
	methods[name] = function()
		return nil, name .. ": this library has none", core.ERR_SUPPORT,
			0
	end
end

local contexts = { __tostring = function(self)
	return "SSL context: " .. self.name
end }

-- newcontext(parameters): what wrap() takes, checked; nil and why not.
function ssl.newcontext(given)
	local all = setmetatable({}, { __index = function(_, name)
		local value = given[name]
		if value == nil then
			value = defaults[name]
		end
		return value
	end })
	local mode = all.mode
	if mode == nil then
		error("missing mode: parameters need mode = \"client\"", 2)
	elseif mode ~= "client" then
		return nil, ("invalid mode (%s): a card is the identity of a "
			.. "client"):format(tostring(mode)), core.ERR_ARG, 0
	end
	local card, options, code, status = context.new(all)
	if not card then
		return nil, options, code, status
	end
	local self = { card = card, options = options,
		card_waits = all.card_waits }
	self.name = tostring(self):match("0x%x+") or "?"
	return setmetatable(self, contexts)
end

-- The descriptor of a stream goes over to us: the old object has -1, and does
-- not close it.
local function take_over(socket)
	if not tostring(socket):find("^tcp") or not socket.setfd then
		return socket
	end
	local own = require "socket".tcp()
	if own:getfd() ~= -1 then
		own:close() -- old versions make one at once
	end
	own:setfd(socket:getfd())
	socket:setfd(-1)
	return own
end

-- wrap(socket, parameters or what newcontext gave): a connection before its
-- handshake.
function ssl.wrap(socket, given)
	local own, message, code, status = given
	if getmetatable(given) ~= contexts then
		own, message, code, status = ssl.newcontext(given)
		if not own then
			return nil, message, code, status
		end
	end
	local self
	self, message, code, status = connection.wrap(own.card.handle, socket,
		own.options, metatable)
	if not self then
		return nil, message, code, status
	end
	if self.socket then
		self.socket = take_over(self.socket)
	end
	self.card, self.key = own.card, own.options.key
	self.server = own.options.server_name or nil
	self.verified = own.options.verify
	self.card_waits = own.card_waits
	self.received, self.sent, self.begun = 0, 0, core.clock()
	return self
end

-- loadcertificate(text): the first certificate in PEM.
function ssl.loadcertificate(text)
	local data = require "iotsafe.pem".decode(text)
	local found = data and require "iotsafe.certificate"(data)
	if not found or not found:serial() then
		return nil, "error loading certificate (no PEM of one)",
			core.ERR_FORMAT, 0
	end
	return found
end

-- install([parameters]): from here on require "ssl" and require "ssl.https"
-- give ours, and the parameters are those of who does not say (card, key,
-- cafile, …).
function ssl.install(given)
	defaults = given or {}
	package.loaded["ssl"] = ssl
	package.loaded["ssl.https"] = nil
	package.preload["ssl.https"] = function()
		return require "iotsafe.https"
	end
	return ssl
end

return ssl
