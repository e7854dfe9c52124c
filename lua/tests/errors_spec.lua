-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- What goes wrong must say so: nil, one sentence that names the cause, the
-- code, and the card's status word where the card was the cause.
local socket = require "socket"
local iotsafe = require "iotsafe"
local core = require "iotsafe.core"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local digest = ("\171"):rep(32)

-- Checks a failure that ended within this many seconds.
local function expect(code, words, seconds, status)
	local started = core.clock()
	return function(none, message, given_code, given_status)
		assert.is_nil(none)
		assert.equal(iotsafe.error_name(code),
			iotsafe.error_name(given_code))
		if type(words) == "string" then
			words = { words }
		end
		for _, word in ipairs(words) do
			assert.matches(word:lower(), message:lower(), 1, true)
		end
		assert.is_nil(message:find("\n"))
		assert.equal(status or 0, given_status)
		assert.is_true(core.clock() - started < seconds * 1000)
	end
end

-- Signs with a card that has this fault.
local function sign_with(fault)
	local card = assert(iotsafe.open("sim:?timeout=1500&fault=" .. fault))
	local key = assert(card:key("label=client;type=private"))
	local none, message, code, status = key:sign("sha256", digest)
	key:close()
	card:close()
	return none, message, code, status
end

describe("opening a card says", function()
	it("that there is no such port", function()
		expect(iotsafe.ERR_IO, "/dev/ttyNOSUCH", 2)(
			iotsafe.open("at:/dev/ttyNOSUCH"))
	end)

	it("that another program has the port", function()
		local link = support.directory() .. "/modem"
		local stop = support.start(os.getenv("IOTSAFE_SIM")
			.. " --pty " .. link, "ready")
		local holder = support.start("flock --no-fork " .. link
			.. " sh -c 'echo held; exec sleep 600'", "held")
		expect(iotsafe.ERR_BUSY, link, 2)(
			iotsafe.open("at:" .. link))
		holder()
		assert(iotsafe.open("at:" .. link)):close()
		stop()
	end)

	it("that nothing answers", function()
		expect(iotsafe.ERR_TIMEOUT, "nothing answers", 4)(
			iotsafe.open("sim:?timeout=1000&fault=deaf"))
	end)

	it("that the modem has no SIM", function()
		expect(iotsafe.ERR_ABSENT, "no SIM", 4)(
			iotsafe.open("sim:?fault=no-sim"))
	end)

	it("that the SIM is busy", function()
		expect(iotsafe.ERR_BUSY, "busy", 4)(
			iotsafe.open("sim:?timeout=1000&fault=busy=100000"))
		assert(iotsafe.open("sim:?fault=busy=2")):close()
	end)

	it("that the SIM has no applet", function()
		expect(iotsafe.ERR_ABSENT, "applet", 4, 0x6A82)(
			iotsafe.open("sim:?fault=no-applet"))
	end)

	it("that the address is none", function()
		for _, address in ipairs { "", "nonsense", "xy:z",
			"sim:?nosuch=1", "sim:?timeout=soon" } do
			expect(iotsafe.ERR_ARG, { "" }, 2)(
				iotsafe.open(address))
		end
	end)

	teardown(support.clean)
end)

describe("a card says", function()
	it("that there is no such key", function()
		local card = assert(iotsafe.open("sim:"))
		expect(iotsafe.ERR_ABSENT, "nobody", 2)(
			card:key("label=nobody"))
		expect(iotsafe.ERR_ABSENT, "nobody", 2)(
			card:read("label=nobody"))
		expect(iotsafe.ERR_ABSENT, "nobody", 2)(
			card:certificate("label=nobody"))
		expect(iotsafe.ERR_ABSENT, "nobody", 2)(
			card:public_key("label=nobody"))
		expect(iotsafe.ERR_ARG, { "" }, 2)(card:key("id=xyz"))
		card:close()
	end)

	it("that its key has no certificate", function()
		local card = assert(iotsafe.open("sim:?fault=no-certificate"))
		expect(iotsafe.ERR_ABSENT, "certificate", 2)(
			assert(card:key("label=client;type=private"))
				:certificate())
		card:close()
	end)

	it("that a certificate is of another key", function()
		local card = assert(iotsafe.open("sim:"))
		local other = assert(iotsafe.open("sim:zariot"))
		expect(iotsafe.ERR_VERIFY, "certificate", 2)(
			assert(card:key()):set_certificate(
				assert(other:certificate())))
		other:close()
		card:close()
	end)

	local ins = { init = "2A", update = "2B" }
	local refusals = {
		["6985"] = iotsafe.ERR_CARD,
		["6982"] = iotsafe.ERR_DENIED,
	}
	for word, code in pairs(refusals) do
		for step, number in pairs(ins) do
			it(("that it answered %s to %s"):format(word, step),
				function()
				expect(code, { word, "COMPUTE SIGNATURE" }, 4,
					tonumber(word, 16))(sign_with(
					("sw=%s:%s"):format(number, word)))
			end)
		end
	end

	it("that an answer was cut", function()
		expect(iotsafe.ERR_FORMAT, "answer", 4)(
			sign_with("truncate=" .. ins.update))
	end)

	it("that an answer was garbled", function()
		expect(iotsafe.ERR_FORMAT, "answer", 4)(
			sign_with("garble=" .. ins.update))
	end)

	it("that a signature does not verify", function()
		expect(iotsafe.ERR_VERIFY, "verif", 4)(
			sign_with("flip-signature"))
	end)

	it("that it fell silent", function()
		expect(iotsafe.ERR_TIMEOUT, "did not answer", 4)(
			sign_with("silence=" .. ins.update))
	end)

	it("that the modem has gone", function()
		expect(iotsafe.ERR_CLOSED, "gone", 4)(
			sign_with("die=" .. ins.init))
	end)
end)

describe("a connection says", function()
	local store, port, stop, other

	setup(function()
		store = support.store()
		other = support.store()
		-- A card makes its certificate when it is first used.
		assert(iotsafe.open("sim:?store=" .. other)):close()
		port, _, stop = support.server(store, "--echo")
	end)

	teardown(function()
		stop()
		support.clean()
	end)

	-- Connects to the server with a card that has this fault.
	local function connect_with(fault, more)
		local card = assert(iotsafe.open("sim:?store=" .. store
			.. "&timeout=1500" .. fault))
		local options = { cafile = store .. "/ca.pem", timeout = 10 }
		for name, value in pairs(more or {}) do
			options[name] = value
		end
		local tls, message, code, status =
			card:connect("localhost", port, options)
		card:close()
		return tls, message, code, status
	end

	it("that nobody listens", function()
		local card = assert(iotsafe.open("sim:"))
		expect(iotsafe.ERR_IO, { "127.0.0.1", "refused" }, 5)(
			card:connect("127.0.0.1", 1, { timeout = 5 }))
		card:close()
	end)

	it("that LuaSocket is missing", function()
		local kept = package.loaded.socket
		package.loaded.socket = nil
		package.preload.socket = function() error("not there") end
		local card = assert(iotsafe.open("sim:"))
		local check = expect(iotsafe.ERR_SUPPORT, "LuaSocket", 2)
		check(card:connect("127.0.0.1", 1))
		card:close()
		package.preload.socket = nil
		package.loaded.socket = kept
	end)

	it("that an option is wrong", function()
		for _, wrong in ipairs {
			{ protocol = "sslv3" }, { verify = "perhaps" },
			{ cafile = "/no/such/file" }, { cadata = "no PEM" },
		} do
			local none, message, code = connect_with("", wrong)
			assert.is_nil(none)
			assert.not_equal("", message)
			assert.is_true(code < 0)
		end
	end)

	it("that the key has no certificate", function()
		expect(iotsafe.ERR_ABSENT, "certificate", 5)(
			connect_with("&fault=no-certificate",
				{ key = "label=client;type=private" }))
	end)

	it("that the certificate is of another key", function()
		expect(iotsafe.ERR_VERIFY, "certificate", 5)(
			connect_with("", { certificate = other
				.. "/client.pem" }))
	end)

	it("that the signature does not verify", function()
		expect(iotsafe.ERR_VERIFY, "verif", 5)(
			connect_with("&fault=flip-signature"))
	end)

	it("what the card answered", function()
		expect(iotsafe.ERR_CARD, "6985", 5, 0x6985)(
			connect_with("&fault=sw=2A:6985"))
		expect(iotsafe.ERR_DENIED, "6982", 5, 0x6982)(
			connect_with("&fault=sw=2B:6982"))
	end)

	it("that the card is silent, which is no time-out of its own",
		function()
		expect(iotsafe.ERR_TIMEOUT, "COMPUTE SIGNATURE", 5)(
			connect_with("&fault=silence=2B"))
	end)

	it("that the modem has gone", function()
		expect(iotsafe.ERR_CLOSED, "gone", 5)(
			connect_with("&fault=die=2B"))
	end)

	it("that the server is not trusted", function()
		expect(iotsafe.ERR_UNTRUSTED, "certificate", 5)(
			connect_with("", { cafile = other .. "/ca.pem" }))
	end)

	it("that the server has another name", function()
		expect(iotsafe.ERR_UNTRUSTED, "elsewhere.example", 5)(
			connect_with("", { server_name = "elsewhere.example" }))
	end)

	for _, protocol in ipairs { "tlsv1_2", "tlsv1_3" } do
		it("that the server refuses the certificate: " .. protocol,
			function()
			local strict, _, stop_strict = support.server(store,
				"--echo --x509cafile " .. other .. "/ca.pem")
			-- The server hangs up while the card still signs.
			local card = assert(iotsafe.open("sim:?card-ms=30"
				.. "&store=" .. store))
			local tls, message, code = card:connect("localhost",
				strict, { cafile = store .. "/ca.pem",
				protocol = protocol, timeout = 10 })
			if tls then
				-- With TLS 1.3 this comes after the handshake.
				local none, _
				none, message, _, code = tls:receive()
				assert.is_nil(none)
				tls:close()
			end
			assert.equal("ERR_TLS", iotsafe.error_name(code))
			assert.matches("refuse", message)
			card:close()
			stop_strict()
		end)
	end

	-- A handshake with a far end that does not answer as it should.
	local function handshake(far_end, seconds)
		local card = assert(iotsafe.open("sim:"))
		local near, far = support.pair()
		local tls = assert(card:wrap(near, { server_name = "x",
			cafile = store .. "/ca.pem", timeout = seconds }))
		far_end(far)
		local results = { tls:dohandshake() }
		tls:close()
		far:close()
		card:close()
		return results
	end

	it("that the peer closed", function()
		local results = handshake(function(far) far:close() end, 10)
		assert.is_false(results[1])
		assert.equal("ERR_CLOSED", iotsafe.error_name(results[3]))
		assert.matches("closed", results[2])
		assert.is_true(#results[2] > #"closed")
	end)

	it("that the peer speaks something else", function()
		local results = handshake(function(far)
			far:send("220 mail.example ESMTP ready\r\n")
		end, 10)
		assert.is_false(results[1])
		assert.equal("ERR_TLS", iotsafe.error_name(results[3]))
	end)

	it("timeout when the peer is silent, and the sentence", function()
		local started = core.clock()
		local results = handshake(function() end, 0.3)
		local taken = core.clock() - started
		assert.is_false(results[1])
		assert.equal("timeout", results[2])
		assert.equal("ERR_TIMEOUT", iotsafe.error_name(results[3]))
		assert.is_true(#results[5] > #"timeout")
		assert.is_true(taken < 3000)
	end)

	it("that the server's name is missing", function()
		local card = assert(iotsafe.open("sim:"))
		local near, far = support.pair()
		local tls = assert(card:wrap(near, { timeout = 5 }))
		local done, message, code = tls:dohandshake()
		assert.is_false(done)
		assert.equal("ERR_ARG", iotsafe.error_name(code))
		assert.matches("name", message)
		tls:close()
		far:close()
		card:close()
	end)
end)
