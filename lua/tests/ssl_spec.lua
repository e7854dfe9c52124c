-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- LuaSec's names and manners over the card, against a real gnutls-serv that
-- requires its certificate.
local socket = require "socket"
local iotsafe = require "iotsafe"
local core = require "iotsafe.core"
local ssl = require "iotsafe.ssl"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local store, card, port, log, stop, subject

local function parameters(more)
	local all = { mode = "client", protocol = "any", card = card,
		cafile = store .. "/ca.pem", server_name = "localhost" }
	for name, value in pairs(more or {}) do
		all[name] = value
	end
	return all
end

local function plain_socket(to)
	local plain = assert(socket.tcp())
	plain:settimeout(20)
	assert(plain:connect("localhost", to or port))
	return plain
end

local function wrapped(more, to)
	return assert(ssl.wrap(plain_socket(to), parameters(more)))
end

-- The results that LuaSec gives; ours has more behind them.
local function three(a, b, c)
	return { a, b, c }
end

local function two(a, b)
	return { a, b }
end

local function connected(more, to)
	local tls = wrapped(more, to)
	tls:settimeout(20)
	assert(tls:dohandshake())
	return tls
end

setup(function()
	store = support.store()
	card = assert(iotsafe.open("sim:gsma?store=" .. store))
	subject = support.x509(assert(card:certificate()),
		"-subject -nameopt RFC2253"):match("subject=([^\n]*)")
	port, log, stop = support.server(store, "--echo --crlf --alpn mqtt")
end)

teardown(function()
	stop()
	card:close()
	support.clean()
end)

describe("iotsafe.ssl", function()
	it("has LuaSec's names", function()
		assert.matches("^%d+%.%d+%.%d+", ssl._VERSION)
		assert.is_true(ssl.config.protocols.tlsv1_3)
		assert.is_true(ssl.config.capabilities.alpn)
		for _, name in ipairs { "options", "algorithms", "curves" } do
			assert.is_table(ssl.config[name])
		end
		local tls = wrapped()
		local index = getmetatable(tls).__index
		assert.is_table(index)
		for name in ("close dirty dohandshake exportkeyingmaterial "
			.. "getalpn getfd getfinished getpeercertificate "
			.. "getpeerchain getpeerfinished getpeerverification "
			.. "getsniname getstats info receive send setdane "
			.. "setstats settimeout settlsa sni want "
			.. "getlocalcertificate getlocalchain"):gmatch("%S+") do
			assert.is_function(index[name], name)
		end
		assert.equal("SSL", tostring(tls):sub(1, 3))
		tls:close()
	end)

	it("says what gives the server's name", function()
		local plain = plain_socket()
		local given = parameters()
		given.server_name = nil
		local tls = assert(ssl.wrap(plain, given))
		local done, message = tls:dohandshake()
		assert.is_false(done)
		assert.matches("name was not set.*server_name, or sni", message)
		tls:sni("localhost")
		assert(tls:dohandshake())
		tls:close()
	end)

	it("throws without a mode, and returns every other failure", function()
		assert.error_matches(function() ssl.newcontext {} end,
			"missing mode")
		for _, wrong in ipairs {
			{ { mode = "server" }, "invalid mode" },
			{ { protocol = "tlsv1" }, "invalid protocol (tlsv1)" },
			{ { protocol = "tlsv1_3", options = "no_tlsv1_3" },
				"invalid protocol" },
			{ { key = "/etc/client.key" },
				"error loading private key (" },
			{ { key = "iotsafe:?card=exec:true" },
				"error loading private key (" },
			{ { cafile = "/nonexistent/ca.pem" }, "No such file" },
			{ { capath = "/nonexistent" , cafile = false },
				"error loading CA locations" },
			{ { verify = "whatever" }, "invalid verify option" },
			{ { ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256" },
				"ciphers" },
			{ { ciphersuites = "TLS_AES_128_GCM_SHA256" },
				"ciphersuites" },
			{ { psk = function() end }, "psk" },
			{ { dane = true }, "dane" },
			{ { verifyext = { "crl_check" } }, "crl_check" },
			{ { certificates = { {}, {} } }, "certificates" },
			{ { card = "at:/nonexistent/tty" },
				"error loading private key" },
		} do
			local none, message, code =
				ssl.newcontext(parameters(wrong[1]))
			assert.is_nil(none, wrong[2])
			assert.matches(wrong[2], message, 1, true)
			assert.is_number(code)
		end
		assert.is_nil((ssl.wrap(nil, parameters { mode = "server" })))
	end)

	it("leaves alone what it does not know", function()
		local context = assert(ssl.newcontext(parameters {
			url = "https://x/", sink = print, method = "GET",
			headers = {}, create = print, depth = 3,
			curveslist = "auto", ciphers = "ALL:!aNULL:@STRENGTH",
			options = { "all", "no_sslv3", "no_tlsv1" },
			verify = { "peer", "fail_if_no_peer_cert" } }))
		assert.equal("SSL", tostring(context):sub(1, 3))
		for _ = 1, 2 do
			local tls = assert(ssl.wrap(plain_socket(), context))
			assert.is_true(tls:dohandshake())
			tls:close()
		end
	end)

	it("takes key and card by one name, and certificates by file", function()
		local name = "iotsafe:label=client?card=sim:gsma?store="
			.. store
		local tls = connected { card = false, key = name,
			certificate = name:gsub("client", "client-cert", 1) }
		tls:close()
		tls = connected { key = "label=client",
			certificate = store .. "/client.pem" }
		tls:close()
		tls = connected { certificates = { { key = "iotsafe:" } } }
		tls:close()
		assert.matches("Subject: " .. subject, log(), 1, true)
	end)

	it("leaves the socket alone where it fails", function()
		local own = assert(iotsafe.open("sim:gsma?store=" .. store))
		local context = assert(ssl.newcontext(parameters { card = own }))
		own:close()
		local plain = plain_socket()
		local none, message = ssl.wrap(plain, context)
		assert.is_nil(none)
		assert.equal("closed", message)
		assert.not_equal(-1, plain:getfd())
		plain:close()
	end)

	it("is what others load once it is installed", function()
		local before = { package.loaded["ssl"],
			package.loaded["ssl.https"] }
		ssl.install { card = card, cafile = store .. "/ca.pem" }
		assert.equal(ssl, require "ssl")
		assert.equal(require "iotsafe.https", require "ssl.https")
		local tls = assert(require "ssl".wrap(plain_socket(), {
			mode = "client", protocol = "any" }))
		tls:sni("localhost")
		assert.is_true(tls:dohandshake())
		tls:close()
		ssl.install()
		package.preload["ssl.https"] = nil
		package.loaded["ssl"], package.loaded["ssl.https"] =
			before[1], before[2]
	end)
end)

describe("a connection of iotsafe.ssl", function()
	it("takes the descriptor over", function()
		local plain = plain_socket()
		local fd = plain:getfd()
		local tls = assert(ssl.wrap(plain, parameters()))
		assert.equal(-1, plain:getfd())
		assert.equal(fd, tls:getfd())
		assert.equal(1, plain:close())
		assert.is_true(tls:dohandshake())
		tls:send("x\n")
		assert.equal("x", (tls:receive()))
		assert.equal(0, select("#", tls:close()))
		assert.equal(-1, tls:getfd())
		assert.equal(-1, (plain:getfd()))
	end)

	it("closes the descriptor when it is forgotten", function()
		local near, far = support.pair()
		far:settimeout(5)
		local tls = assert(ssl.wrap(near, parameters()))
		assert.equal("SSL", tostring(tls):sub(1, 3))
		tls, near = nil, nil
		collectgarbage()
		collectgarbage()
		assert.same({ nil, "closed", "" }, { far:receive(1) })
		far:close()
	end)

	it("receives as LuaSec's does", function()
		local tls = connected()
		tls:send("o\rne\r\ntwo\nthree\n")
		assert.equal("one", tls:receive())
		assert.equal("", tls:receive(0))
		assert.is_true(tls:dirty())
		assert.equal("tw", tls:receive(2))
		assert.equal("two", tls:receive("*l", "tw"))
		assert.equal("<<thr", tls:receive(5, "<<"))
		assert.equal("ee", tls:receive())
		tls:send("all\npartial")
		assert.equal("all", tls:receive("*line"))
		tls:settimeout(0)
		local none, word, partial
		repeat
			socket.select({ tls }, nil, 20)
			none, word, partial = tls:receive("*l", partial or "<")
		until partial == "<partial"
		assert.is_nil(none)
		assert.equal("wantread", word)
		assert.equal("read", tls:want())
		tls:settimeout(0.05)
		assert.same({ nil, "wantread", "<" }, three(tls:receive("*a", "<")))
		tls:settimeout(0.05, "t")
		assert.equal("wantread", select(2, tls:receive(5)))
		assert.error_matches(function() tls:receive("*x") end,
			"invalid receive pattern")
		assert.error_matches(function() tls:send {} end,
			"string expected")
		tls:close()
	end)

	it("counts what it sends as string.sub does", function()
		local tls = connected()
		local data = "01" .. ("x"):rep(17) .. "\n"
		assert.equal(20, tls:send(data, 3, 20))
		assert.equal(("x"):rep(17), tls:receive())
		assert.equal(20, tls:send(data, 3, 99))
		assert.equal(("x"):rep(17), tls:receive())
		assert.equal(3, tls:send(12 .. "\n", -3))
		assert.equal(4, tls:send(1234, -3))
		assert.equal(1, tls:send("\n"))
		assert.same({ "12", "234" }, { tls:receive(), (tls:receive()) })
		local received, sent, age = tls:getstats()
		assert.equal(17 + 17 + 2 + 3, received)
		assert.equal(18 + 18 + 3 + 3 + 1, sent)
		assert.is_true(age >= 0 and age < 20)
		tls:setstats(0, 0, 100)
		received, sent, age = tls:getstats()
		assert.same({ 0, 0 }, { received, sent })
		assert.is_true(age >= 100)
		tls:close()
	end)

	it("tells what was agreed", function()
		for protocol, expected in pairs {
			tlsv1_3 = { "TLSv1.3", "any", "any" },
			tlsv1_2 = { "TLSv1.2", "ECDH", "ECDSA" },
		} do
			local tls = connected { protocol = protocol,
				alpn = { "h2", "mqtt" } }
			local info = tls:info()
			assert.same(expected, { info.protocol, info.key,
				info.authentication })
			assert.matches("%((%d+)%)$", info.encryption)
			assert.equal(info.bits, tonumber(
				info.encryption:match("%d+%)$"):sub(1, -2)))
			assert.equal("AEAD", tls:info("mac"))
			assert.is_false(tls:info("compression"))
			assert.equal("mqtt", tls:getalpn())
			assert.equal("localhost", tls:getsniname())
			assert.equal(20, #tls:exportkeyingmaterial(
				"EXPORTER-x", 20))
			assert.is_nil((tls:getfinished()))
			tls:close()
		end
	end)

	it("knows both sides' certificates", function()
		local tls = connected()
		assert.is_true(tls:getpeerverification())
		local server = tls:getpeercertificate()
		local chain = tls:getpeerchain()
		assert.equal(server:pem(), chain[1]:pem())
		assert.is_nil((tls:getpeercertificate(#chain + 1)))
		local own = assert(tls:getlocalcertificate())
		assert.equal((card:certificate()), own:der())
		assert.equal(own:der(), tls:getlocalchain()[1]:der())
		tls:close()
		assert.is_nil((tls:getpeercertificate()))
		assert.is_nil(tls:getpeerchain())
	end)

	it("verifies the server unless told not to", function()
		local heard
		ssl.log = function(sentence) heard = sentence end
		local tls = wrapped { server_name = "elsewhere.example" }
		local done, word, code = tls:dohandshake()
		assert.is_false(done)
		assert.equal("certificate verify failed", word)
		assert.equal(iotsafe.ERR_UNTRUSTED, code)
		assert.matches("elsewhere.example", heard, 1, true)
		local valid, reasons = tls:getpeerverification()
		assert.is_false(valid)
		assert.equal(heard, reasons[1][1])
		tls:close()

		tls = wrapped { cafile = support.stranger() .. "/ca.pem" }
		assert.same({ false, "certificate verify failed" },
			two(tls:dohandshake()))
		tls:close()
		ssl.log = nil

		-- Nobody said who the server is.
		tls = assert(ssl.wrap(plain_socket(), { mode = "client",
			protocol = "any", card = card,
			cafile = store .. "/ca.pem" }))
		done, word = tls:dohandshake()
		assert.is_false(done)
		assert.matches("name", word)
		tls:close()

		tls = connected { verify = "none", cafile = false,
			server_name = false }
		assert.is_false((tls:getpeerverification()))
		tls:close()
	end)

	it("says closed before the handshake and after the end", function()
		local tls = wrapped()
		for _ = 1, 2 do
			assert.same({ nil, "closed", "x" }, three(tls:receive("*l", "x")))
			assert.same({ nil, "closed", 0 }, three(tls:send("x")))
			assert.is_false(tls:dirty())
			assert.equal("nothing", tls:want())
			assert.is_nil((tls:getpeercertificate()))
			assert.is_nil(tls:info("protocol"))
			assert.is_false((tls:getpeerverification()))
			assert.equal(1, tls:settimeout(1))
			tls:getalpn()
			tls:close()
		end
		assert.same({ false, "closed" }, two(tls:dohandshake()))
		assert.is_nil((tls:sni("x")))
	end)

	it("is closed by a peer that says good-bye, or does not", function()
		local near, far = support.pair()
		local tls = assert(ssl.wrap(near, parameters()))
		tls:settimeout(20)
		far:close()
		local done, word = tls:dohandshake()
		assert.is_false(done)
		assert.equal("closed", word)
		tls:close()

		local own, said, quit = support.server(store, "--http")
		tls = connected({}, own)
		tls:send("GET / HTTP/1.0\r\n\r\n")
		assert.matches("</HTML>", tls:receive("*a"), 1, true)
		assert.same({ nil, "closed", "" }, three(tls:receive("*a")))
		tls:close()
		quit()
		assert.is_string(said())
	end)
end)

-- As copas does: the kind by the first three characters, time-out 0, a
-- coroutine a connection, all of them in one select.
local function scheduler()
	local loop = { reading = {}, writing = {}, threads = {}, turns = 0 }

	function loop.start(work)
		loop.threads[coroutine.create(work)] = true
	end

	local function resume(thread)
		local alive, set, waiting = coroutine.resume(thread)
		assert(alive, set)
		loop.threads[thread] = nil
		if waiting then
			set[waiting] = thread
		end
	end

	local function keys(set)
		local list = {}
		for object in pairs(set) do
			list[#list + 1] = object
		end
		return list
	end

	function loop.run()
		while true do
			for thread in pairs(loop.threads) do
				resume(thread)
			end
			local readers, writers = keys(loop.reading),
				keys(loop.writing)
			if #readers + #writers == 0 then
				return
			end
			loop.turns = loop.turns + 1
			local r, w, late = socket.select(readers, writers, 20)
			assert.is_nil(late)
			for _, object in ipairs(r) do
				loop.threads[loop.reading[object]] = true
				loop.reading[object] = nil
			end
			for _, object in ipairs(w) do
				loop.threads[loop.writing[object]] = true
				loop.writing[object] = nil
			end
		end
	end

	function loop.call(object, method, ...)
		while true do
			local done, word, rest = object[method](object, ...)
			if done then
				return done
			end
			assert(word == "wantread" or word == "wantwrite", word)
			coroutine.yield(word == "wantread" and loop.reading
				or loop.writing, object)
			assert(method ~= "receive" or rest == "")
		end
	end
	return loop
end

describe("in an event loop", function()
	local slow

	setup(function()
		slow = assert(iotsafe.open("sim:?card-ms=20&store=" .. store))
	end)

	teardown(function() slow:close() end)

	it("several connections wait, also for the card", function()
		local loop, seen = scheduler(), {}
		for number = 1, 3 do
			loop.start(function()
				local plain = plain_socket()
				local fd = plain:getfd()
				local tls = assert(ssl.wrap(plain, parameters {
					card = slow }))
				assert.equal("SSL", tostring(tls):sub(1, 3))
				tls:settimeout(0)
				loop.call(tls, "dohandshake")
				assert.equal(fd, tls:getfd())
				loop.call(tls, "send", number .. "\n")
				seen[number] = loop.call(tls, "receive")
				tls:close()
			end)
		end
		loop.run()
		assert.same({ "1", "2", "3" }, seen)
		-- It waits; it does not spin.
		assert.is_true(loop.turns < 60, loop.turns)
	end)

	it("getfd tells the card's descriptor while it signs", function()
		local tls = wrapped { card = slow }
		local fd = tls:getfd()
		tls:settimeout(0)
		local others, done, word = 0, nil, nil
		repeat
			done, word = tls:dohandshake()
			if not done then
				assert.equal("wantread", word)
				assert.equal("read", tls:want())
				others = others + (tls:getfd() ~= fd and 1 or 0)
				assert.equal(tls, socket.select({ tls }, nil,
					20)[1])
			end
		until done
		assert.is_true(others > 0)
		assert.equal(fd, tls:getfd())
		tls:close()
	end)

	it("card_waits keeps to the socket's descriptor", function()
		local tls = wrapped { card = slow, card_waits = true }
		local fd = tls:getfd()
		tls:settimeout(0)
		while not tls:dohandshake() do
			assert.equal(fd, tls:getfd())
			socket.select({ tls }, nil, 20)
		end
		tls:close()
	end)

	it("a connection may be dropped while the card signs", function()
		local tls = wrapped { card = slow }
		tls:settimeout(0)
		local fd = tls:getfd()
		repeat
			local done, word = tls:dohandshake()
			assert(not done and word == "wantread")
			socket.select({ tls }, nil, 20)
		until tls:getfd() ~= fd
		tls:close()
		assert.equal(-1, tls:getfd())
		assert.is_false((tls:dohandshake()))
	end)

	it("a handshake whose limit has passed says what it wants", function()
		local near, far = support.pair()
		local tls = assert(ssl.wrap(near, parameters()))
		tls:settimeout(0.1)
		local started = core.clock()
		local done, word = tls:dohandshake()
		assert.is_false(done)
		assert.equal("wantread", word)
		assert.is_true(core.clock() - started >= 95)
		tls:close()
		far:close()
	end)
end)

describe("resumption", function()
	local function visit(with)
		local tls = assert(ssl.wrap(plain_socket(), with))
		tls:settimeout(20)
		assert(tls:dohandshake())
		assert(tls:send("hello\n"))
		assert.equal("hello", (tls:receive("*l")))
		local resumed = tls:resumed()
		tls:close()
		return resumed
	end

	it("is not done unless it is asked for, as with LuaSec", function()
		local context = assert(ssl.newcontext(parameters()))
		local signed = card:counters().signatures
		assert.is_false(visit(context))
		assert.is_false(visit(context))
		assert.is_false(visit(parameters()))
		assert.equal(signed + 3, card:counters().signatures)
	end)

	it("spares the card", function()
		local with = parameters { resume = true }
		local signed = card:counters().signatures
		assert.is_false(visit(with))
		assert.is_true(visit(with))
		assert.is_true(visit(assert(ssl.newcontext(with))))
		assert.equal(signed + 1, card:counters().signatures)
		assert.is_false(visit(parameters()))
	end)
end)
