-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Objects may be closed twice, used when closed, and dropped in any order.
local socket = require "socket"
local iotsafe = require "iotsafe"
local core = require "iotsafe.core"
local key_module = require "iotsafe.key"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

-- Calls every method of an object with arguments that would do otherwise.
local function all_methods(object, arguments, skip)
	local names = {}
	for name, method in pairs(getmetatable(object).__index) do
		if not skip[name] then
			names[#names + 1] = name
			local first, message, third, fourth =
				method(object, unpack(arguments[name] or {}))
			assert.is_true(not first, name)
			assert.equal("closed", message, name)
			assert.is_true(third == iotsafe.ERR_CLOSED
				or fourth == iotsafe.ERR_CLOSED, name)
		end
	end
	return #names
end

unpack = unpack or table.unpack

describe("after close", function()
	local digest = ("x"):rep(32)
	local signature = ("x"):rep(64)

	it("every method of a card says closed", function()
		local card = assert(iotsafe.open("sim:"))
		card:close()
		card:close()
		local count = all_methods(card, {
			read = { "label=ca" },
			random = { 8 },
			apdu = { "\0\132\0\0\8" },
			settimeout = { 5 },
			connect = { "127.0.0.1", 1 },
			wrap = { 0 },
			verify = { "x", "sha256", digest, signature },
			verify_data = { "x", "sha256", "data", signature },
			put_public_key = { "x", "spki" },
			mac = { "x", "data" },
			prf = { "label", "seed", 8, "x" },
			hkdf_extract = { "sha256", "secret" },
			psk = { "identity" },
		}, { close = true, connect = true })
		assert.is_true(count >= 12)
		assert.equal("iotsafe card: closed", tostring(card))
	end)

	it("every method of a key says closed", function()
		local card = assert(iotsafe.open("sim:"))
		local key = assert(card:key())
		card:close()
		assert(key:sign("sha256", digest))
		key:close()
		key:close()
		local count = all_methods(key, {
			sign = { "sha256", digest },
			sign_data = { "sha256", "data" },
			csr = { "CN=x" },
			jws = { "payload" },
			set_certificate = { "x" },
		}, { close = true })
		assert.is_true(count >= 6)
		assert.equal("iotsafe key: closed", tostring(key))
	end)

	it("every method of a connection says closed", function()
		local card = assert(iotsafe.open("sim:"))
		local near, far = support.pair()
		local tls = assert(card:wrap(near, { server_name = "x" }))
		card:close()
		tls:close()
		tls:close()
		local count = all_methods(tls, {
			send = { "x" },
			sni = { "x" },
			exportkeyingmaterial = { "x", 8 },
			setoption = { "tcp-nodelay", true },
		}, { close = true, settimeout = true, gettimeout = true,
			want = true, getfd = true, dirty = true })
		assert.is_true(count >= 10)
		assert.equal(-1, tls:getfd())
		assert.is_false(tls:dirty())
		assert.equal("nothing", tls:want())
		assert.equal(1, tls:settimeout(1))
		assert.matches("^SSL connection", tostring(tls))
		far:close()
	end)

	it("a socket closed behind its back is noticed", function()
		local card = assert(iotsafe.open("sim:"))
		local near, far = support.pair()
		local tls = assert(card:wrap(near, { server_name = "x" }))
		near:close()
		assert.same({ false, "closed", iotsafe.ERR_CLOSED, 0 },
			{ tls:dohandshake() })
		assert.equal(-1, tls:getfd())
		tls:close()
		far:close()
		card:close()
	end)
end)

describe("the collector", function()
	local digest = ("x"):rep(32)

	local function collect()
		collectgarbage()
		collectgarbage()
	end

	it("may take the card before its keys", function()
		local card = assert(iotsafe.open("sim:"))
		local key = assert(card:key())
		card = nil
		collect()
		assert(key:sign("sha256", digest))
		key = nil
		collect()
	end)

	it("may take everything at once, in whatever order", function()
		for round = 1, 20 do
			local card = assert(iotsafe.open("sim:"))
			local near, far = support.pair()
			local things = { assert(card:wrap(near, {
				server_name = "x" })), card:key(), card,
				card:list(), far }
			local kept = things[round % #things + 1]
			things, card, near, far = nil, nil, nil, nil
			collect()
			assert.not_nil(kept)
		end
		collect()
	end)

	it("may take a connection in the middle of its handshake", function()
		local store = support.store()
		local port, _, stop = support.server(store, "--echo")
		local card = assert(iotsafe.open("sim:?card-ms=60&store="
			.. store))
		for _ = 1, 3 do
			local near = assert(socket.connect("localhost", port))
			local tls = assert(card:wrap(near, {
				server_name = "localhost",
				cafile = store .. "/ca.pem" }))
			tls:settimeout(0)
			near = nil
			repeat
				local _, word = tls:dohandshake()
				assert.equal("wantread", word)
				if tls:want() == "read" then
					socket.select({ tls }, nil, 10)
				end
			until tls:want() == "card"
			tls = nil
			collect()
		end
		-- The card serves the next one.
		assert(card:connect("localhost", port, {
			cafile = store .. "/ca.pem" })):close()
		card:close()
		stop()
	end)

	it("frees what core hands out, and frees it once", function()
		local handle = assert(core.card_open("sim:"))
		assert.is_nil((core.card_free(handle)))
		assert.same({ nil, "closed", iotsafe.ERR_CLOSED, 0 },
			{ core.card_free(handle) })
		assert.same({ nil, "closed", iotsafe.ERR_CLOSED, 0 },
			{ core.card_random(handle, 1) })
		handle = nil
		collect()
	end)

	it("leaves no card behind", function()
		local opened = assert(iotsafe.open("sim:"))
		assert.is_true(key_module.is(assert(opened:key())))
		assert.is_false(key_module.is(opened))
		assert.is_false(key_module.is("label=client"))
		opened:close()
		collect()
		local output = support.run("ps -o args= --ppid $(ps -o ppid= "
			.. "-p $$) | grep iotsafe-sim")
		assert.equal("", output:gsub("[^\n]*grep[^\n]*\n?", ""))
	end)

	teardown(support.clean)
end)

describe("closing a connection", function()
	teardown(support.clean)

	-- What there is on one socket goes out on the other.
	local function carry(from, to)
		from:settimeout(0)
		local data, _, partial = from:receive(65536)
		data = data or partial
		if data ~= "" then
			assert(to:send(data))
		end
	end

	local function step(near, far, up, tls)
		socket.select({ near, far, up }, nil, 0.01)
		carry(far, up)
		carry(up, far)
		return tls:dohandshake()
	end

	-- The tickets of TLS 1.3 wait in the socket, and would have the kernel
	-- reset the connection over them.
	it("loses nothing that was sent, though nothing was read", function()
		local store = support.store()
		local port, _, stop = support.server(store, "--echo")
		local card = assert(iotsafe.open("sim:gsma?store=" .. store))
		local near, far = support.pair()
		local up = assert(socket.connect("localhost", port))
		local tls = assert(card:wrap(near, { cafile = store .. "/ca.pem",
			server_name = "localhost", timeout = 0 }))
		repeat until step(near, far, up, tls)
		repeat
			step(near, far, up, tls)
		until socket.select({ tls }, nil, 0)[1]
		assert.equal(5000, tls:send(("x"):rep(5000)))
		tls:close()
		far:settimeout(20)
		assert.is_true(#far:receive("*a") > 5000)
		far:close()
		up:close()
		card:close()
		stop()
	end)
end)
