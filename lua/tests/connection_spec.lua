-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Connections to a real gnutls-serv that requires a certificate of the card.
local socket = require "socket"
local iotsafe = require "iotsafe"
local core = require "iotsafe.core"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local store, card, cafile, subject

local function options(more)
	local all = { cafile = cafile, timeout = 20 }
	for name, value in pairs(more or {}) do
		all[name] = value
	end
	return all
end

local function signatures()
	return assert(card:counters()).signatures
end

-- A socket connected to the port on this machine, within the limit of tests.
local function plain_socket(host, port, kind)
	local plain = assert(kind == "udp" and socket.udp() or socket.tcp())
	plain:settimeout(20)
	assert((kind and plain.setpeername or plain.connect)(plain, host, port))
	return plain
end

-- Waits as a program with socket.select would; true once `step` is through.
local function finish(connection, step, seen)
	while true do
		local done, word = step()
		if done then
			return done
		end
		assert(word == "wantread" or word == "wantwrite", word)
		seen[connection:want()] = connection:getfd()
		local readers = word == "wantread" and { connection } or nil
		local writers = word == "wantwrite" and { connection } or nil
		local _, _, late = socket.select(readers, writers, 20)
		assert.is_nil(late)
	end
end

setup(function()
	store = support.store()
	cafile = store .. "/ca.pem"
	card = assert(iotsafe.open("sim:gsma?store=" .. store))
	subject = support.x509(assert(card:certificate()),
		"-subject -nameopt RFC2253"):match("subject=([^\n]*)")
end)

teardown(function()
	card:close()
	support.clean()
end)

local protocols = {
	{ name = "TLSv1.3", option = "tlsv1_3" },
	{ name = "TLSv1.2", option = "tlsv1_2" },
	{ name = "DTLSv1.2", option = "dtlsv1_2", kind = "udp" },
}

for _, protocol in ipairs(protocols) do
	describe("a connection with " .. protocol.name, function()
		-- A datagram socket cannot try the second address of a name.
		local host = protocol.kind and "127.0.0.1" or "localhost"
		local port, log, stop

		before_each(function()
			port, log, stop = support.server(store, "--echo",
				protocol.kind)
		end)

		after_each(function() stop() end)

		local function connect(more)
			more = more or {}
			more.protocol = protocol.option
			more.server_name = "localhost"
			return assert(card:connect(host, port, options(more)))
		end

		it("is authenticated by one signature of the card", function()
			local before = signatures()
			local tls = connect()
			assert.equal(1, signatures() - before)
			assert.equal(6, tls:send("hello\n"))
			local line = protocol.kind and "hello\n" or "hello"
			assert.equal(line, tls:receive())
			local info = assert(tls:info())
			assert.equal(protocol.name, info.protocol)
			assert.equal(protocol.name, tls:info("protocol"))
			assert.matches("^TLS_", info.cipher)
			assert.is_true(info.certificate)
			assert.matches("^SSL connection: 0x", tostring(tls))
			tls:close()
			stop()
			assert.matches("The certificate is trusted", log(), 1,
				true)
			-- Of a datagram's peer gnutls-serv does not tell more.
			if not protocol.kind then
				assert.matches("Subject: " .. subject, log(), 1,
					true)
			end
		end)

		it("shows the certificate of the server", function()
			local tls = connect()
			local certificate = assert(tls:getpeercertificate())
			assert.matches("localhost", support.x509(
				certificate:pem(), "-text"), 1, true)
			assert.matches("^\48", certificate:der())
			local none, _, code = tls:getpeercertificate(100)
			assert.is_nil(none)
			assert.equal(iotsafe.ERR_ABSENT, code)
			assert.equal(20, #assert(tls:exportkeyingmaterial(
				"EXPORTER-test", 20)))
			tls:close()
		end)

		it("can be made by a loop around socket.select", function()
			-- One whose every command takes a while.
			local slow = assert(iotsafe.open("sim:?card-ms=30"
				.. "&store=" .. store))
			local plain = plain_socket(host, port, protocol.kind)
			local fd = plain:getfd()
			local tls = assert(slow:wrap(plain, {
				cafile = cafile,
				server_name = "localhost",
				protocol = protocol.option,
			}))
			tls:settimeout(0)
			local seen = {}
			finish(tls, function() return tls:dohandshake() end,
				seen)
			assert.is_number(seen.card)
			assert.not_equal(fd, seen.card)
			assert.equal(fd, tls:getfd())
			assert.equal("nothing", tls:want())

			local none, word, partial = tls:receive()
			assert.is_nil(none)
			assert.equal("wantread", word)
			assert.equal("", partial)
			assert.equal("read", tls:want())
			assert.equal(3, tls:send("ab\n"))
			assert.equal("ab\n", finish(tls, function()
				return tls:receive(3)
			end, seen))
			assert.is_true(seen.read == nil or seen.read == fd)
			tls:close()
			slow:close()
		end)
	end)
end

describe("a connection", function()
	local port, log, stop, tls

	before_each(function()
		port, log, stop = support.server(store, "--echo --crlf "
			.. "--alpn mqtt --alpn http/1.1")
	end)

	after_each(function()
		if tls then
			tls:close()
			tls = nil
		end
		stop()
	end)

	local function connect(more)
		tls = assert(card:connect("localhost", port, options(more)))
		return tls
	end

	it("has LuaSocket's patterns", function()
		connect()
		assert.equal(18, tls:send("one\r\ntwo\nthree...\n"))
		assert.equal("one", tls:receive())
		assert.is_true(tls:dirty())
		assert.equal("two", tls:receive("*l"))
		assert.equal("", tls:receive(0))
		assert.equal("th", tls:receive(2))
		assert.equal("three", tls:receive(5, "th"))
		assert.is_true(tls:dirty())
		assert.equal("...", tls:receive(3))
		assert.equal("", tls:receive())
		assert.is_false(tls:dirty())
	end)

	it("sends the part that is asked for", function()
		connect()
		assert.equal(7, tls:send("..abc\n\n..", 3, 7))
		assert.equal("abc", tls:receive())
		assert.equal("", tls:receive())
		assert.equal(6, tls:send("..xyz\n", -4))
		assert.equal("xyz", tls:receive())
		assert.equal(0, tls:send(""))
		assert.equal(4, tls:send("abc", 5, 9))
		assert.equal(3, tls:send(12 .. "\n"))
		assert.equal("12", tls:receive())
	end)

	it("is given back by socket.select when it has bytes", function()
		-- With TLS 1.3 the server's tickets may be bytes too.
		connect { protocol = "tlsv1_2" }
		local readable = socket.select({ tls }, nil, 0)
		assert.equal(0, #readable)
		tls:send("one\ntwo\n")
		readable = socket.select({ tls }, nil, 20)
		assert.equal(tls, readable[1])
		assert.equal("one", tls:receive())
		-- All of it has left the descriptor, none of it is lost.
		readable = socket.select({ tls }, nil, 0)
		assert.equal(tls, readable[1])
		assert.equal("two", tls:receive())
	end)

	it("says timeout within its limit, with what came so far", function()
		connect()
		tls:send("line\nno end of a line")
		assert.equal("line", tls:receive())
		for _, mode in ipairs { "b", "t" } do
			tls:settimeout(nil)
			tls:settimeout(nil, "t")
			assert.equal(1, tls:settimeout(0.2, mode))
			local started = core.clock()
			local none, word, partial, code, sentence =
				tls:receive("*l", "<")
			local taken = core.clock() - started
			assert.is_nil(none)
			assert.equal("timeout", word)
			assert.equal(mode == "b" and "<no end of a line" or "<",
				partial)
			assert.equal(iotsafe.ERR_TIMEOUT, code)
			assert.not_equal("", sentence)
			assert.is_true(taken >= 195 and taken < 2000)
		end
	end)

	it("keeps and tells its limits", function()
		connect()
		tls:settimeout(1.5)
		tls:settimeout(3, "t")
		assert.same({ 1.5, 3 }, { tls:gettimeout() })
		tls:settimeout(-1)
		tls:settimeout(nil, "t")
		assert.same({ -1, -1 }, { tls:gettimeout() })
		assert.error_matches(function() tls:settimeout(1, "x") end,
			"invalid mode")
	end)

	it("offers protocols by ALPN", function()
		connect { alpn = { "mqtt", "h2" } }
		assert.equal("mqtt", tls:getalpn())
		assert.equal("mqtt", tls:info("alpn"))
		tls:close()
		connect { alpn = "http/1.1" }
		assert.equal("http/1.1", tls:getalpn())
		tls:close()
		connect()
		assert.is_nil(tls:getalpn())
	end)

	it("takes key and certificate by name, object, file and data", function()
		local key = assert(card:key("label=client"))
		connect { key = key }
		tls:close()
		connect { key = "label=client" }
		tls:close()
		connect { key = "label=client",
			certificate = store .. "/client.pem" }
		tls:close()
		connect { certdata = support.read_file(store .. "/client.pem") }
		stop()
		local _, times = log():gsub("Subject: ", "")
		assert.is_true(times >= 4)
	end)

	it("trusts files, data, the card's CA, or nobody's name", function()
		connect { cafile = { cafile, cafile } }
		tls:close()
		connect { cafile = false, cadata = support.read_file(cafile) }
		tls:close()
		connect { cafile = false, cardca = true }
		tls:close()
		connect { server_name = false }
		tls:close()
		connect { cafile = false, verify = false }
		tls:close()
		connect { cafile = false, verify = "none" }
	end)

	it("knows the addresses of its socket", function()
		connect()
		local _, peer = tls:getpeername()
		assert.equal(tostring(port), tostring(peer))
		assert.is_string((tls:getsockname()))
		assert.equal(1, tls:setoption("tcp-nodelay", true))
	end)

	it("works over a bare descriptor, and leaves it open", function()
		local plain = plain_socket("localhost", port)
		tls = assert(card:wrap(plain:getfd(), options {
			server_name = "localhost" }))
		assert.is_true(tls:dohandshake())
		assert.is_true(tls:dohandshake())
		tls:send("x\n")
		assert.equal("x", tls:receive())
		local none, message, code = tls:getpeername()
		assert.is_nil(none)
		assert.equal("getpeername needs a LuaSocket object", message)
		assert.equal(iotsafe.ERR_SUPPORT, code)
		assert.equal(plain:getfd(), tls:poll())
		tls:close()
		assert.not_nil(plain:getpeername())
		plain:close()
	end)

	it("takes the server's name by sni", function()
		local plain = plain_socket("localhost", port)
		tls = assert(card:wrap(plain, { cafile = cafile }))
		assert.is_true(tls:sni("localhost"))
		assert.is_true(tls:dohandshake())
		assert.same({}, { tls:getalpn() })
	end)

	it("is closed before the handshake", function()
		local plain = plain_socket("localhost", port)
		tls = assert(card:wrap(plain, options()))
		assert.same({ nil, "closed", "x", iotsafe.ERR_CLOSED },
			{ tls:receive("*l", "x") })
		assert.same({ nil, "closed", 0, iotsafe.ERR_CLOSED },
			{ tls:send("x") })
		assert.is_false(tls:dirty())
		assert.same({}, tls:info())
		assert.is_nil(tls:info("protocol"))
	end)
end)

describe("a connection that the server ends", function()
	it("gives everything, then closed", function()
		local port, _, stop = support.server(store, "--http")
		local tls = assert(card:connect("localhost", port, options()))
		assert(tls:send("GET / HTTP/1.0\r\n\r\n"))
		assert.equal("HTTP/1.0 200 OK", tls:receive("*l"))
		assert.equal("Content-type: text/html",
			tls:receive("*l", "Content-"):gsub("^Content%-C", "C"))
		local page = assert(tls:receive("*a"))
		assert.matches("</HTML>", page, 1, true)
		for _, pattern in ipairs { "*l", "*a", 1 } do
			assert.is_false(tls:dirty())
			local none, word, partial, code =
				tls:receive(pattern)
			assert.is_nil(none)
			assert.equal("closed", word)
			assert.equal("", partial)
			assert.equal(iotsafe.ERR_CLOSED, code)
		end
		tls:close()
		stop()
	end)

	it("carries many records, any bytes, both ways", function()
		local data = ("\0\1\r\nxyz\255"):rep(20000)
		local file = support.write_file(store .. "/data", data)
		local port, _, stop = support.server(store, "--http --httpdata "
			.. file)
		local tls = assert(card:connect("localhost", port, options()))
		local request = "GET / HTTP/1.0\r\nX: " .. ("y"):rep(100000)
			.. "\r\n\r\n"
		assert.equal(#request, tls:send(request))
		repeat
			local line = assert(tls:receive())
		until line == ""
		assert.equal(data:sub(1, 99999), tls:receive(99999))
		assert.equal(data:sub(100000), tls:receive("*a"))
		tls:close()
		stop()
	end)

	it("tells how much went to a server that does not read", function()
		local port, _, stop, pid = support.server(store, "--http")
		local tls = assert(card:connect("localhost", port, options()))
		local request = "GET / HTTP/1.0\r\nX: "
			.. ("0123456789"):rep(100000) .. "\r\n\r\n"
		assert.equal(1, tls:setoption("send-buffer-size", 65536))
		support.run("kill -STOP " .. pid)

		tls:settimeout(0.2)
		local none, word, last, code = tls:send(request)
		assert.is_nil(none)
		assert.equal("timeout", word)
		assert.equal(iotsafe.ERR_TIMEOUT, code)
		assert.is_true(last > 0 and last < #request)

		tls:settimeout(0)
		local stuck
		none, word, stuck, code = tls:send(request, last + 1)
		assert.is_nil(none)
		assert.equal("wantwrite", word)
		assert.equal("write", tls:want())
		assert.equal(iotsafe.WANT_WRITE, code)
		assert.is_true(stuck >= last and stuck < #request)

		support.run("kill -CONT " .. pid)
		assert.equal(#request, finish(tls, function()
			none, word, last = tls:send(request, stuck + 1)
			stuck = last or stuck
			return none, word
		end, {}))
		tls:settimeout(20)
		assert.equal("HTTP/1.0 200 OK", tls:receive())
		tls:close()
		stop()
	end)
end)
