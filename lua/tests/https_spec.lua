-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- HTTPS three ways: iotsafe.https, LuaSocket's own http with `create`, and
-- LuaSec's ssl.https as Debian has it, over iotsafe.ssl.
local http = require "socket.http"
local ltn12 = require "ltn12"
local iotsafe = require "iotsafe"
local https = require "iotsafe.https"
local ssl = require "iotsafe.ssl"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local store, card, port, log, stop, page, subject

local function parameters(more)
	local all = { mode = "client", protocol = "any", card = card,
		verify = "peer", cafile = store .. "/ca.pem" }
	for name, value in pairs(more or {}) do
		all[name] = value
	end
	return all
end

setup(function()
	store = support.store()
	card = assert(iotsafe.open("sim:gsma?store=" .. store))
	subject = support.x509(assert(card:certificate()),
		"-subject -nameopt RFC2253"):match("subject=([^\n]*)")
	page = ("<p>0123456789</p>\n"):rep(3000)
	support.write_file(store .. "/page.html", page)
	port, log, stop = support.server(store, "--http --httpdata " .. store
		.. "/page.html")
end)

teardown(function()
	stop()
	card:close()
	support.clean()
end)

local function address(host)
	return ("https://%s:%d/"):format(host or "localhost", port)
end

-- The server's log tells whose certificate was shown.
local function assert_seen(before)
	local text = log():sub(#before + 1)
	assert.matches("Subject: " .. subject, text, 1, true)
	assert.matches("The certificate is trusted", text, 1, true)
end

describe("https", function()
	it("gives a page to iotsafe.https", function()
		local before, got = log(), {}
		local done, code, headers, status = https.request(parameters {
			url = address(), sink = ltn12.sink.table(got) })
		assert.same({ 1, 200 }, { done, code })
		assert.equal("application/octet-stream",
			headers["content-type"])
		assert.matches("200 OK", status)
		assert.equal(page, table.concat(got))
		assert_seen(before)
	end)

	it("gives a page for an address alone, with defaults", function()
		ssl.install { card = card, cafile = store .. "/ca.pem" }
		local before = log()
		local body, code = https.request(address())
		ssl.install()
		package.loaded["ssl"], package.preload["ssl.https"] = nil, nil
		assert.equal(200, code)
		assert.equal(page, body)
		assert_seen(before)
	end)

	it("gives a page to LuaSocket's http with create", function()
		local before, got = log(), {}
		local done, code = http.request { url = address(),
			create = https.tcp(parameters()), redirect = false,
			sink = ltn12.sink.table(got) }
		assert.same({ 1, 200 }, { done, code })
		assert.equal(page, table.concat(got))
		assert_seen(before)
	end)

	it("gives a page to LuaSec's own ssl.https", function()
		package.loaded["ssl"], package.loaded["ssl.https"] = ssl, nil
		local theirs = require "ssl.https"
		package.loaded["ssl"], package.loaded["ssl.https"] = nil, nil
		assert.not_equal(https, theirs)
		assert.matches("LuaSec", theirs._COPYRIGHT)
		local before, got = log(), {}
		local done, code = theirs.request(parameters {
			url = address(), sink = ltn12.sink.table(got) })
		assert.same({ 1, 200 }, { done, code })
		assert.equal(page, table.concat(got))
		assert_seen(before)
		-- It checks nothing unless told to: then we do not either.
		done, code = theirs.request(parameters { verify = false,
			cafile = false, url = address("127.0.0.1"),
			sink = ltn12.sink.null() })
		assert.same({ 1, 200 }, { done, code })
	end)

	it("takes a server by whatever name, if told so", function()
		for _, name in ipairs { false, "localhost" } do
			local done, code = https.request(parameters {
				url = address("127.0.0.1"), server_name = name,
				sink = ltn12.sink.null() })
			assert.same({ 1, 200 }, { done, code })
		end
	end)

	it("posts", function()
		local port, quit = support.mirror(store)
		ssl.install { card = card, cafile = store .. "/ca.pem" }
		local sent = https.request(
			("https://localhost:%d/path"):format(port), "x=1")
		ssl.install()
		package.loaded["ssl"], package.preload["ssl.https"] = nil, nil
		quit()
		-- What comes back is the request.
		assert.matches("^POST /path HTTP/1.1", sent)
		assert.matches("Content%-Length: 3", sent)
		local none, why = https.request("https://localhost:1/", "x=1")
		assert.is_nil(none)
		assert.equal("connection refused", why)
	end)

	it("fails with a reason", function()
		local function reason(more)
			local none, why = https.request(parameters(more))
			assert.is_nil(none)
			return why
		end
		assert.matches("^certificate verify failed: .*127.0.0.1",
			reason { url = address("127.0.0.1") })
		assert.matches("^certificate verify failed: ", reason {
			url = address(), cafile = support.stranger() .. "/ca.pem" })
		assert.matches("No such file", reason { url = address(),
			cafile = "/nonexistent" })
		for name, value in pairs { proxy = "http://x/",
			redirect = true, create = print } do
			assert.matches(name, reason { url = address(),
				[name] = value })
		end
	end)
end)
