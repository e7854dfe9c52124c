-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Connections with more of the card in them, to a real gnutls-serv: sessions
-- resumed without the card, servers that it checks, keys without certificates.
local iotsafe = require "iotsafe"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local store, card, server_key

setup(function()
	store = support.store()
	card = assert(iotsafe.open("sim:full?store=" .. store))
	server_key = support.openssl(
		"pkey -in key -pubout -outform DER -out out",
		{ key = support.read_file(store .. "/server-key.pem") })
end)

teardown(function()
	card:close()
	support.clean()
end)

local function options(given)
	local all = { timeout = 20, cafile = store .. "/ca.pem",
		server_name = "localhost" }
	for name, value in pairs(given or {}) do
		all[name] = value
	end
	return all
end

local function echo(connection)
	assert(connection:send("hello\n"))
	assert.equal("hello", connection:receive("*l"))
end

-- Connects, says hello, and gives what `ask` says of the connection.
local function talk(port, given, ask)
	local connection = assert(card:connect("127.0.0.1", port,
		options(given)))
	if given.datagram then
		assert(connection:send("hello\n"))
		assert.equal("hello\n", connection:receive(100))
	else
		echo(connection)
	end
	local answer = ask and ask(connection)
	connection:close()
	return answer
end

local function session_of(connection)
	assert.is_false(connection:resumed())
	return assert(connection:session())
end

local function is_resumed(connection)
	return connection:resumed()
end

-- Fails unless the connection failed with this code.
local function fails(code, port, given)
	local none, message, got = card:connect("127.0.0.1", port,
		options(given))
	assert.is_nil(none)
	assert.is_string(message)
	assert.equal(iotsafe.error_name(iotsafe[code]), iotsafe.error_name(got))
	return message
end

describe("a session", function()
	for _, protocol in ipairs { "tlsv1_3", "tlsv1_2", "dtlsv1_2" } do
		it("goes on without the card: " .. protocol, function()
			local datagram = protocol == "dtlsv1_2"
			local port = support.server(store, "--echo",
				datagram and "udp" or nil)
			local given = { protocol = protocol,
				datagram = datagram }
			given.session = talk(port, given, session_of)
			local before = assert(card:counters()).exchanges
			assert.is_true(talk(port, given, is_resumed))
			assert.equal(before, card:counters().exchanges)
		end)
	end

	it("goes on by itself with the same server", function()
		local port = support.server(store, "--echo")
		local signed = card:counters().signatures
		local before
		for time = 1, 4 do
			assert.equal(time > 1, talk(port, {}, is_resumed))
			before = before or card:counters().exchanges
		end
		assert.equal(signed + 1, card:counters().signatures)
		assert.equal(before, card:counters().exchanges)
	end)

	it("does not where it is told not to", function()
		local port = support.server(store, "--echo")
		local signed = card:counters().signatures
		for _ = 1, 3 do
			assert.is_false(talk(port, { resume = false },
				is_resumed))
		end
		assert.equal(signed + 3, card:counters().signatures)
		assert.is_false(talk(port, {}, is_resumed))
	end)

	it("never goes on with another key, name or authority", function()
		local port = support.server(store, "--echo")
		local changes = { {}, { key = "client" },
			{ server_name = false },
			{ cadata = support.read_file(store .. "/ca.pem") },
			{ verify = false } }
		for _, change in ipairs(changes) do
			assert.is_false(talk(port, change, is_resumed))
		end
		for _, change in ipairs(changes) do
			assert.is_true(talk(port, change, is_resumed))
		end
		local other = support.server(store, "--echo")
		assert.is_false(talk(other, {}, is_resumed))
	end)

	it("is none before the handshake and after close", function()
		local near, far = support.pair()
		local connection = assert(card:wrap(near, options()))
		assert.is_nil(connection:session())
		assert.is_false(connection:resumed())
		connection:close()
		far:close()
		local none, message, code = connection:session()
		assert.is_nil(none)
		assert.equal("closed", message)
		assert.equal(iotsafe.ERR_CLOSED, code)
	end)

	it("that a server forgot is made anew", function()
		local session = talk(support.server(store, "--echo"), {},
			session_of)
		local other = support.server(store, "--echo")
		assert.is_false(talk(other, { session = session },
			is_resumed))
	end)
end)

describe("a pinned server", function()
	it("needs no authority", function()
		local port = support.server(store, "--echo")
		local none = { cafile = false, server_name = false }
		for _, pin in ipairs { server_key,
			{ card:public_key("client"), server_key } } do
			none.pin = pin
			talk(port, none)
		end
	end)

	it("needs no name", function()
		local port = support.server(store, "--echo")
		local plain = assert(require "socket".connect("127.0.0.1",
			port))
		local connection = assert(card:wrap(plain,
			{ pin = server_key, timeout = 20 }))
		assert(connection:dohandshake())
		echo(connection)
		connection:close()
	end)

	it("may be one whose key the card has", function()
		local port = support.server(store, "--echo")
		assert(card:put_public_key("server-key", server_key))
		talk(port, { cafile = false, server_name = false,
			pin = "server-key" })
		talk(port, { cafile = false, server_name = false,
			pin = { "ca-key", "server-key" } })
	end)

	it("must have that key", function()
		local port = support.server(store, "--echo")
		for _, pin in ipairs { "ca-key", card:public_key("client") } do
			fails("ERR_UNTRUSTED", port, { cafile = false,
				server_name = false, pin = pin })
		end
		fails("ERR_ABSENT", port, { cafile = false,
			server_name = false, pin = "nobody" })
	end)

	it("and we may both show bare keys", function()
		local key = store .. "/server-key.pem"
		local public = support.write_file(
			support.directory() .. "/public.pem",
			iotsafe.pem(server_key, "PUBLIC KEY"))
		local port = support.serve(("--echo --rawpkkeyfile %s "
			.. "--rawpkfile %s --require-client-cert --priority "
			.. "NORMAL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK"):format(
			key, public))
		assert.is_true(talk(port, { cafile = false,
			server_name = false, pin = server_key,
			raw_key = true }, function(connection)
			return connection:info("certificate")
		end))
	end)
end)

describe("a server that the card checks", function()
	it("is trusted for its name alone", function()
		local port = support.server(store, "--echo")
		talk(port, { cafile = false, ca_key = "ca-key" })
		fails("ERR_UNTRUSTED", port, { cafile = false,
			ca_key = "ca-key", server_name = "other.example" })
		fails("ERR_UNTRUSTED", port, { cafile = false,
			ca_key = "client" })
		fails("ERR_ABSENT", port, { cafile = false,
			ca_key = "nobody" })
	end)
end)

describe("a pre-shared key", function()
	-- A server that knows the key of device-7.
	local function serve(key, kind)
		local file = support.write_file(support.directory() .. "/psk",
			"device-7:" .. support.hex(key) .. "\n")
		return support.serve("--echo --pskpasswd " .. file
			.. " --priority NORMAL:-KX-ALL:+PSK:+DHE-PSK:"
			.. "+ECDHE-PSK", kind)
	end

	local function psk(more)
		local all = { cafile = false, server_name = false,
			psk = "device-7", psk_key = "psk" }
		for name, value in pairs(more or {}) do
			all[name] = value
		end
		return all
	end

	for _, protocol in ipairs { "tlsv1_3", "tlsv1_2", "dtlsv1_2" } do
		it("is derived by the card: " .. protocol, function()
			local datagram = protocol == "dtlsv1_2"
			local port = serve(assert(card:psk("device-7", "psk",
				"broker")), datagram and "udp" or nil)
			talk(port, psk { protocol = protocol,
				datagram = datagram, psk_context = "broker" })
		end)
	end

	it("is used by the card itself", function()
		local port = serve(support.read_file(
			store .. "/full/secret-01.bin"))
		assert.equal("TLSv1.2", talk(port, psk { psk_kind = "card" },
			function(connection)
				return connection:info("protocol")
			end))
	end)

	it("must be the server's too", function()
		local port = serve(("x"):rep(32))
		fails("ERR_ARG", port, psk { psk_kind = "other" })
		fails("ERR_ABSENT", port, psk { psk_key = "nobody" })
		fails("ERR_TLS", port, psk { psk_kind = "card" })
	end)
end)

describe("the client's random number", function()
	it("comes from the card if asked", function()
		local port = support.server(store, "--echo")
		talk(port, { card_random = true })
		talk(port, { card_random = false })
		local own = assert(iotsafe.open("sim:full?fault=sw=84:6F42&"
			.. "store=" .. store))
		assert(own:connect("127.0.0.1", port, options())):close()
		local none, message, code = own:connect("127.0.0.1", port,
			options { card_random = true })
		assert.is_nil(none)
		assert.matches("6F42", message)
		assert.equal(iotsafe.ERR_CARD, code)
		own:close()
	end)
end)

describe("the server's certificate", function()
	it("has a digest, as openssl makes it", function()
		local port = support.server(store, "--echo")
		talk(port, {}, function(connection)
			local peer = connection:getpeercertificate()
			for _, name in ipairs { "sha1", "sha256" } do
				assert.equal(support.hex(
					support.digest(name, peer:der())),
					peer:digest(name))
			end
			assert.equal(peer:digest("sha1"), peer:digest())
			local none, message, code = peer:digest("none")
			assert.is_nil(none)
			assert.matches("none", message)
			assert.equal(iotsafe.ERR_ARG, code)
		end)
	end)
end)
