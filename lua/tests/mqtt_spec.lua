-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- MQTT 3.1.1, byte by byte, over iotsafe.ssl, with a real mosquitto that
-- requires the card's certificate. The calls are those of luamqtt.
local socket = require "socket"
local iotsafe = require "iotsafe"
local ssl = require "iotsafe.ssl"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK = 16, 32, 48, 130, 144
local DISCONNECT = 224

local store, card, port, log, stop

setup(function()
	store = support.store()
	card = assert(iotsafe.open("sim:gsma?store=" .. store))
	port, log, stop = support.mosquitto(store)
end)

teardown(function()
	stop()
	card:close()
	support.clean()
end)

local function text(value)
	return string.char(math.floor(#value / 256), #value % 256) .. value
end

local function packet(kind, body)
	local size, head = #body, string.char(kind)
	repeat
		local byte = size % 128
		size = math.floor(size / 128)
		head = head .. string.char(byte + (size > 0 and 128 or 0))
	until size == 0
	return head .. body
end

local function send(connection, data)
	local first = 1
	repeat
		first = assert(connection:send(data, first)) + 1
	until first > #data
end

local function receive(connection)
	local kind = assert(connection:receive(1)):byte()
	local size, place, byte = 0, 1, nil
	repeat
		byte = assert(connection:receive(1)):byte()
		size = size + byte % 128 * place
		place = place * 128
	until byte < 128
	return kind, assert(connection:receive(size))
end

local function dial(secure)
	local plain = assert(socket.connect("127.0.0.1", port))
	local tls = assert(ssl.wrap(plain, secure))
	tls:settimeout(20)
	return tls
end

local function secure(more)
	local all = { mode = "client", protocol = "any", verify = "peer",
		cafile = store .. "/ca.pem", card = card,
		server_name = "localhost" }
	for name, value in pairs(more or {}) do
		all[name] = value
	end
	return all
end

describe("MQTT", function()
	it("is published and comes back", function()
		local mqtt = dial(secure())
		assert(mqtt:dohandshake())
		send(mqtt, packet(CONNECT, text("MQTT") .. "\4\2\0\60"
			.. text("meter-7")))
		assert.same({ CONNACK, "\0\0" }, { receive(mqtt) })
		send(mqtt, packet(SUBSCRIBE, "\0\1" .. text("a/b") .. "\0"))
		assert.same({ SUBACK, "\0\1\0" }, { receive(mqtt) })
		local message = ("21.5 "):rep(4000)
		send(mqtt, packet(PUBLISH, text("a/b") .. message))
		assert.same({ PUBLISH, text("a/b") .. message },
			{ receive(mqtt) })
		mqtt:settimeout(0.05, "t")
		assert.equal("wantread", (select(2, mqtt:receive(1))))
		send(mqtt, packet(DISCONNECT, ""))
		mqtt:close()

		local name = support.x509(assert(card:certificate()),
			"-subject -nameopt RFC2253"):match("CN=([^,\n]*)")
		assert.matches("as meter-7 (p2, c1, k60, u'" .. name .. "')",
			log(), 1, true)
	end)

	it("goes on when the broker has nothing to say", function()
		local mqtt = dial(secure())
		assert(mqtt:dohandshake())
		send(mqtt, packet(CONNECT, text("MQTT") .. "\4\2\0\60"
			.. text("meter-8")))
		assert.same({ CONNACK, "\0\0" }, { receive(mqtt) })
		mqtt:settimeout(0)
		for _ = 1, 3 do
			local none, word, partial = mqtt:receive(1)
			assert.is_nil(none)
			assert.same({ "wantread", "" }, { word, partial })
			socket.select({ mqtt }, nil, 0.01)
		end
		mqtt:settimeout(20)
		send(mqtt, packet(192, "")) -- PINGREQ
		assert.same({ 208, "" }, { receive(mqtt) })
		mqtt:close()
	end)

	it("is refused where nobody vouches for the card", function()
		local other = assert(iotsafe.open("sim:gsma?store="
			.. support.stranger()))
		local mqtt = dial(secure { card = other, protocol = "tlsv1_2" })
		local done, why = mqtt:dohandshake()
		assert.is_false(done)
		assert.matches("unknown", why:lower())
		mqtt:close()
		other:close()
	end)
end)
