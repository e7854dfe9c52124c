-- SPDX-License-Identifier: LGPL-2.1-or-later
local core = require "iotsafe.core"
local iotsafe = require "iotsafe"

-- Runs a program in a fresh interpreter of the same kind.
local function fresh(program)
	local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
		.. "support.lua")
	local first = -1
	while arg[first - 1] do
		first = first - 1
	end
	return support.run(("%s -e %s"):format(arg[first],
		support.quote(program)))
end

describe("the module", function()
	it("sets no global", function()
		local output, status = fresh [[
			local before = {}
			for name in pairs(_G) do before[name] = true end
			require "iotsafe"
			for name in pairs(_G) do
				if not before[name] then print(name) end
			end
			print "loaded"]]
		assert.equal("loaded\n", output)
		assert.equal(0, status)
	end)

	it("signs without the half that is for connections", function()
		local output, status = fresh [[
			local iotsafe = require "iotsafe"
			local card = assert(iotsafe.open("sim:"))
			local key = assert(card:key())
			assert(key:sign("sha256", ("x"):rep(32), "der"))
			local names = {}
			for name in pairs(package.loaded) do
				names[#names + 1] = name:match("^iotsafe%.(.*)")
			end
			table.sort(names)
			print(table.concat(names, " "))]]
		assert.equal("card core key object words\n", output)
		assert.equal(0, status)
	end)

	it("has the codes by name", function()
		assert.equal(-6, iotsafe.ERR_TIMEOUT)
		assert.equal(-34, iotsafe.WANT_CARD)
		assert.equal("ERR_TIMEOUT", iotsafe.error_name(-6))
		assert.equal("UNKNOWN", iotsafe.error_name(-1000))
		assert.matches("^%d+%.%d+%.%d+", iotsafe._VERSION)
	end)

	it("refuses an unknown trace", function()
		assert.error_matches(function() iotsafe.trace("noise") end,
			'no trace is called "noise"')
		iotsafe.trace("failure")
		iotsafe.trace()
	end)

	it("refuses what is not its own handle", function()
		local foreign = { io.stdout, "text", 1, {}, print }
		for _, value in ipairs(foreign) do
			assert.error_matches(function()
				core.card_address(value)
			end, "iotsafe_card expected")
		end
		assert.error_matches(function() core.card_free(nil) end,
			"iotsafe_card expected, got nil")
	end)

	it("refuses strings that C would cut, and numbers that it lacks",
		function()
		assert.error_matches(function() core.card_open("sim:\0") end,
			"zero bytes")
		local wrong = { 0 / 0, 1 / 0, -1 / 0, 2 ^ 40 }
		for _, number in ipairs(wrong) do
			assert.error_matches(function()
				core.algorithm_name(number)
			end, "out of range")
		end
	end)

	it("turns bytes into PEM as openssl reads it", function()
		assert.equal("-----BEGIN X-----\nAAEC\n-----END X-----\n",
			iotsafe.pem("\0\1\2", "X"))
		assert.matches("\n/w==\n", iotsafe.pem("\255"), 1, true)
		assert.matches("\n//8=\n", iotsafe.pem("\255\255"), 1, true)
		local long = iotsafe.pem(("\n"):rep(49))
		assert.matches("\n" .. ("CgoK"):rep(16) .. "\nCg==\n", long, 1,
			true)
	end)

	it("makes DER of a signature", function()
		local der = assert(core.signature_to_der(("\1"):rep(64)))
		assert.equal("\48\68\2\32" .. ("\1"):rep(32) .. "\2\32"
			.. ("\1"):rep(32), der)
		local none, message, code = core.signature_to_der("odd")
		assert.is_nil(none)
		assert.not_equal("", message)
		assert.equal(core.ERR_ARG, code)
	end)
end)
