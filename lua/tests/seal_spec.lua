-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Messages protected without TLS.
local iotsafe = require "iotsafe"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local fails, spoil = support.fails, support.spoil
local text = ("what was said "):rep(30)

describe("a seal", function()
	local secret = ("s"):rep(32)
	local device, server, directory

	before_each(function()
		directory = support.directory()
		device = assert(iotsafe.seal(secret, "k1",
			directory .. "/device", { create = true }))
		server = assert(iotsafe.seal(secret, "k1",
			directory .. "/server",
			{ create = true, server = true }))
	end)

	after_each(function()
		device:close()
		server:close()
		support.clean()
	end)

	it("protects messages both ways", function()
		for _, message in ipairs { "", "a", text, ("\0"):rep(65536) } do
			assert.equal(message, server:decrypt(
				assert(device:encrypt(message))))
			assert.equal(message, device:decrypt(
				assert(server:encrypt(message, "aad")), "aad"))
		end
	end)

	it("refuses what was seen, changed or turned round", function()
		local sealed = assert(device:encrypt("open", "aad"))
		fails("ERR_VERIFY", server:decrypt(sealed))
		fails("ERR_VERIFY", server:decrypt(spoil(sealed), "aad"))
		fails("ERR_VERIFY", device:decrypt(sealed, "aad"))
		assert.equal("open", server:decrypt(sealed, "aad"))
		fails("ERR_VERIFY", server:decrypt(sealed, "aad"))
		fails("ERR_FORMAT", server:decrypt("noise"))
	end)

	it("keeps its counters in one file of one process", function()
		fails("ERR_BUSY", iotsafe.seal(secret, "k1",
			directory .. "/device"))
		device:close()
		fails("ERR_CLOSED", device:encrypt("x"))
		fails("ERR_CLOSED", device:decrypt("x"))
		device = assert(iotsafe.seal(secret, "k1",
			directory .. "/device"))
		fails("ERR_ABSENT", iotsafe.seal(secret, "k1",
			directory .. "/none"))
		fails("ERR_ARG", iotsafe.seal("short", "k1",
			directory .. "/none", { create = true }))
	end)
end)
