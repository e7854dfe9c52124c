-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- The real LuaSec and iotsafe.ssl are asked the same, and must answer alike:
-- ours may have more behind it.
local socket = require "socket"
local iotsafe = require "iotsafe"
local luasec = require "ssl"
local ours = require "iotsafe.ssl"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local DRIP = [[
i=0
while [ $i -lt 100 ]; do
	printf x
	sleep 0.05
	i=$((i + 1))
done
printf '\n'
]]

local store, card, echo, slow, stop

local function wrapped(module, port)
	local plain = assert(socket.connect("127.0.0.1", port or echo))
	plain:settimeout(20)
	local parameters = { mode = "client", protocol = "any",
		verify = "peer", cafile = store .. "/ca.pem" }
	if module == ours then
		parameters.card, parameters.server_name = card, "localhost"
	end
	return assert(module.wrap(plain, parameters))
end

local function pack(...)
	return { n = select("#", ...), ... }
end

-- What a function of a connection gives, as far as LuaSec has results.
local function alike(ask, port, early)
	local results = {}
	for index, module in ipairs { luasec, ours } do
		local tls = wrapped(module, port)
		tls:settimeout(20)
		if not early then
			assert(tls:dohandshake())
		end
		results[index] = pack(pcall(ask, tls))
		tls:close()
	end
	local theirs, mine = results[1], {}
	for index = 1, theirs.n do
		mine[index] = results[2][index]
	end
	theirs.n = nil
	assert.same(theirs, mine)
	return theirs
end

setup(function()
	store = support.store()
	card = assert(iotsafe.open("sim:gsma?store=" .. store))
	local own = ("--x509certfile %s/server.pem --x509keyfile "
		.. "%s/server-key.pem "):format(store, store)
	local log
	echo, log, stop = support.serve(own .. "--disable-client-cert --echo")
	assert(log)
	local script = support.write_file(store .. "/drip", DRIP)
	slow = support.drip(store, script)
end)

teardown(function()
	stop()
	card:close()
	support.clean()
end)

describe("LuaSec and iotsafe.ssl", function()
	it("know nothing of a server before the handshake", function()
		for _, name in ipairs { "info", "getpeercertificate",
			"getpeerchain", "getpeerverification", "receive",
			"want", "dirty" } do
			alike(function(tls) return tls[name](tls) end, nil,
				true)
		end
		alike(function(tls) return tls:info("cipher") end, nil, true)
	end)

	it("know nothing of a server once closed", function()
		for _, name in ipairs { "info", "getpeerchain", "receive",
			"getfd", "want", "dirty" } do
			alike(function(tls)
				tls:close()
				return tls[name](tls)
			end, nil, name == "getpeerchain" or nil)
		end
	end)

	it("count the certificates of a chain", function()
		for _, index in ipairs { 0, -1, 9, 1e9 } do
			local got = alike(function(tls)
				return (tls:getpeercertificate(index))
			end)
			assert.same({ true }, got)
		end
		alike(function(tls)
			return select(2, tls:getpeercertificate(0))
		end)
	end)

	it("take numbers as words, and nothing else for a number", function()
		alike(function(tls) return tls:settimeout("1.5") end)
		for _, name in ipairs { "settimeout", "getpeercertificate" } do
			local got = alike(function(tls)
				local done, message = pcall(tls[name], tls, "x")
				return done, message:match("number expected.*")
			end)
			assert.matches("got string", got[3])
		end
	end)

	it("limit a whole call though bytes keep coming", function()
		local got = alike(function(tls)
			tls:settimeout(0.3)
			local line, word = tls:receive("*l")
			return line, word
		end, slow)
		assert.same({ true, nil, "wantread" }, got)
	end)

	it("point at the caller of a wrong pattern", function()
		for _, module in ipairs { luasec, ours } do
			local tls = wrapped(module)
			assert(tls:dohandshake())
			local done, message = pcall(function()
				local data = tls:receive("*x")
				return data
			end)
			assert.is_false(done)
			assert.matches("luasec_spec.lua:%d+: bad argument",
				message)
			tls:close()
		end
	end)

	it("refuse misspelt options and functions of servers", function()
		for _, wrong in ipairs { { options = { "no_tlsv1.2" } },
			{ options = "no_tlsv1_4" },
			{ alpn = function() end } } do
			for _, module in ipairs { luasec, ours } do
				local given = { mode = "client",
					protocol = "any", card = card,
					options = wrong.options,
					alpn = wrong.alpn }
				local context, why = module.newcontext(given)
				assert.is_nil(context)
				assert.matches("invalid", why)
			end
		end
	end)

	it("agree on who issued a certificate", function()
		local function load(module, name)
			return assert(module.loadcertificate(
				support.read_file(store .. "/" .. name)))
		end
		for _, names in ipairs { { "ca.pem", "intermediate.pem" },
			{ "intermediate.pem", "ca.pem" },
			{ "ca.pem", "server.pem" },
			{ "ca.pem", "server.pem", "intermediate.pem" } } do
			local said = {}
			for index, module in ipairs { luasec, ours } do
				local all = {}
				for place, name in ipairs(names) do
					all[place] = load(module, name)
				end
				said[index] = (all[1]:issued(
					(unpack or table.unpack)(all, 2)))
					or false
			end
			assert.equal(said[1], said[2])
		end
		assert.equal(load(luasec, "ca.pem"):getsignaturename(),
			load(ours, "ca.pem"):getsignaturename())
		alike(function(tls)
			return tls:getpeercertificate():extensions()
		end)
	end)
end)
