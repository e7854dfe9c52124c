-- SPDX-License-Identifier: LGPL-2.1-or-later
local core = require "iotsafe.core"
local pattern = require "iotsafe.pattern"

-- Reads with a pattern from records that arrive in these pieces and then end
-- with this code; gives what was read, whether it was whole, and the code.
local function reading(pieces, ending)
	local buffer, queue = pattern.buffer(), { unpack = nil }
	for index, piece in ipairs(pieces) do
		queue[index] = piece
	end
	local function more()
		local piece = table.remove(queue, 1)
		if piece then
			return piece
		end
		return nil, "the sentence", ending or core.ERR_CLOSED
	end
	return function(what, prefix)
		local read, size = pattern.find(what)
		local parts = { prefix or "" }
		local whole, _, code = read(buffer, parts, more, size)
		return table.concat(parts), whole, code
	end
end

describe("a receive pattern", function()
	it("gives lines without their ends, however they arrive", function()
		local read = reading { "on", "e\r\ntw", "o\n", "\nfour\n" }
		assert.equal("one", (read("*l")))
		assert.equal("two", (read()))
		assert.equal("", (read("*l")))
		local line, whole = read("*l")
		assert.equal("four", line)
		assert.is_true(whole)
	end)

	it("drops every carriage return in a line", function()
		assert.equal("abc", (reading { "\ra\rb", "c\r\r\n" }("*l")))
	end)

	it("keeps zero bytes and bytes above 127", function()
		local bytes = "\0\1\255\0\128"
		assert.equal(bytes, (reading { bytes .. "\n" }("*l")))
		assert.equal(bytes, (reading { bytes }(#bytes)))
	end)

	it("gives what there is of an unfinished line", function()
		local line, whole, code = reading { "unfin", "ished" }("*l")
		assert.equal("unfinished", line)
		assert.is_false(whole)
		assert.equal(core.ERR_CLOSED, code)
	end)

	it("counts bytes across records, and keeps the rest", function()
		local read = reading { "abc", "defgh", "i" }
		assert.equal("ab", (read(2)))
		assert.equal("cdef", (read(4)))
		assert.equal("", (read(0)))
		assert.equal("ghi", (read(3)))
		local rest, whole = read(1)
		assert.equal("", rest)
		assert.is_false(whole)
	end)

	it("hands out an unfinished count once", function()
		local read = reading({ "abc" }, core.ERR_TIMEOUT)
		local data, whole, code = read(5)
		assert.equal("abc", data)
		assert.is_false(whole)
		assert.equal(core.ERR_TIMEOUT, code)
		assert.equal("", (read(5)))
	end)

	it("puts the prefix in front, and counts it", function()
		assert.equal("HTTP/1.1", (reading { "1.1\n" }("*l", "HTTP/")))
		assert.equal("abcd", (reading { "cdef" }(4, "ab")))
		assert.equal("abcd", (reading {}(2, "abcd")))
	end)

	it("reads everything up to the end", function()
		local data, whole = reading { "a\n", "b" }("*a", "x")
		assert.equal("xa\nb", data)
		assert.is_true(whole)
	end)

	it("does not take nothing, or a failure, for everything", function()
		local data, whole = reading {}("*a", "x")
		assert.equal("x", data)
		assert.is_false(whole)
		data, whole = reading({ "ab" }, core.ERR_TLS)("*a")
		assert.equal("ab", data)
		assert.is_false(whole)
	end)

	it("is refused when it is none", function()
		for _, wrong in ipairs { "*x", "", -1, {}, false } do
			assert.error_matches(function()
				pattern.find(wrong)
			end, "invalid receive pattern")
		end
		assert.error(function() pattern.find("*l", true) end)
	end)
end)
