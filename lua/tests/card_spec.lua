-- SPDX-License-Identifier: LGPL-2.1-or-later
local iotsafe = require "iotsafe"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local text = "what is signed"

-- Finds the one record that a test is sure of.
local function find(records, kind)
	for _, record in ipairs(records) do
		if record.type == kind then
			return record
		end
	end
	error("no " .. kind .. " object")
end

describe("a card", function()
	local card

	setup(function() card = assert(iotsafe.open("sim:")) end)

	teardown(function()
		card:close()
		support.clean()
	end)

	it("tells what it is", function()
		local info = assert(card:info())
		assert.matches("^[0-9A-Fa-f]+$", info.aid)
		assert.matches("^sim:", card:address())
		assert.matches("^iotsafe card: sim:", tostring(card))
	end)

	it("lists its objects", function()
		local records = assert(card:list())
		local private = find(records, "private")
		assert.equal("iotsafe", private.applet)
		assert.equal("client", private.label)
		assert.is_true(#private.id >= 1 and #private.id <= 20)
		assert.equal("P-256", private.key_type)
		assert.is_true(private.flags.active)
		assert.is_true(private.flags.sign)
		assert.is_nil(private.flags.certificate)
		assert.equal("ecdsa-sha256", private.algorithms[1])
		assert.equal(0, private.size)

		local certificate = find(records, "cert")
		assert.is_true(certificate.flags.certificate)
		assert.is_true(certificate.size > 100)
		assert.same({}, certificate.algorithms)
		assert.equal("", certificate.key_type)
	end)

	it("lists what a name matches", function()
		local records = assert(card:list("type=private"))
		assert.is_true(#records >= 1)
		for _, record in ipairs(records) do
			assert.equal("private", record.type)
		end
		assert.same({}, card:list("label=nobody"))
	end)

	it("gives names that find just one object", function()
		for _, record in ipairs(assert(card:list())) do
			local same = assert(card:list(record.name))
			assert.equal(1, #same)
			assert.same(record, same[1])
		end
	end)

	it("finds the identity, and the same key by label and id", function()
		local identity = assert(card:key())
		local object = assert(identity:object())
		local id = object.id:gsub(".", function(byte)
			return ("%02X"):format(byte:byte())
		end)
		assert.equal(object.name,
			assert(card:key("label=client")):object().name)
		assert.equal(object.name,
			assert(card:key("id=" .. id)):object().name)
		assert.equal(object.name,
			assert(card:key("iotsafe:label=client;type=private"))
				:object().name)
		assert.equal("iotsafe key: " .. object.name, tostring(identity))
	end)

	it("signs what openssl verifies", function()
		local key = assert(card:key("label=client"))
		local digest = support.digest("sha256", text)
		local pem = iotsafe.pem(assert(key:public_key()), "PUBLIC KEY")
		local signature = assert(key:sign("sha256", digest, "der"))
		assert.is_true(key:verifies())
		assert.is_true(support.verifies(pem, digest, signature))
		local other = support.digest("sha256", "something else")
		assert.is_false(support.verifies(pem, other, signature))
	end)

	it("goes on with a signature that was prepared", function()
		local own = assert(iotsafe.open("sim:?quirk=direct"))
		local key = assert(own:key("label=client"))
		local digest = support.digest("sha256", text)
		assert(key:sign("sha256", digest))
		assert.is_true(key:prepare())
		local before = own:counters().exchanges
		assert(key:sign("sha256", digest))
		assert.equal(before + 1, own:counters().exchanges)
		own:close()
	end)

	it("prepares none where the address says no", function()
		local own = assert(iotsafe.open("sim:?ahead=no"))
		local key = assert(own:key("label=client"))
		assert.is_false(key:prepare())
		own:close()
	end)

	it("gives r and s unless DER is asked for", function()
		local key = assert(card:key())
		local digest = support.digest("sha256", text)
		assert.equal(64, #assert(key:sign("sha256", digest)))
		assert.equal(64, #assert(key:sign("ecdsa-sha256", digest,
			"raw")))
		assert.equal(48, assert(key:sign("sha256", digest,
			"der")):byte())
	end)

	it("refuses algorithms and forms that it does not know", function()
		local key = assert(card:key())
		local digest = support.digest("sha256", text)
		local none, message, code = key:sign("md5", digest)
		assert.is_nil(none)
		assert.equal('no algorithm is called "md5"', message)
		assert.equal(iotsafe.ERR_ARG, code)
		none, message, code = key:sign("sha256", digest, "xml")
		assert.is_nil(none)
		assert.equal('no form of a signature is called "xml"', message)
		assert.equal(iotsafe.ERR_ARG, code)
		none, message, code = key:sign("sha256", "too short")
		assert.is_nil(none)
		assert.not_equal("", message)
		assert.equal(iotsafe.ERR_ARG, code)
	end)

	it("has the certificate of its key, and the chain", function()
		local key = assert(card:key())
		local own = assert(card:certificate())
		assert.equal(own, key:certificate())
		assert.equal(own, key:certificate(1))
		assert.equal(own, card:certificate("label=client;type=private"))
		assert.matches("client", support.x509(own, "-subject"), 1, true)
		assert.matches("client",
			support.x509(iotsafe.pem(own), "-subject"), 1, true)

		local chain = assert(key:chain())
		assert.is_true(#chain >= 2)
		assert.equal(own, chain[1])
		for index = 1, #chain - 1 do
			local issuer = support.x509(chain[index],
				"-issuer")
			local subject = support.x509(chain[index + 1],
				"-subject")
			assert.equal(issuer:match("issuer=(.*)"),
				subject:match("subject=(.*)"))
		end
		local none, _, code = key:certificate(#chain + 1)
		assert.is_nil(none)
		assert.equal(iotsafe.ERR_ABSENT, code)
	end)

	it("has the public key that is in the certificate", function()
		local public = assert(card:public_key())
		assert.equal(public, assert(card:key()):public_key())
		local pem = support.x509(assert(card:certificate()), "-pubkey")
		assert.equal(iotsafe.pem(public, "PUBLIC KEY"), pem)
	end)

	it("reads files", function()
		local file = find(assert(card:list()), "cert")
		local data = assert(card:read(file.name))
		assert.equal(file.size, #data)
		assert.equal(data, card:certificate(file.name))
	end)

	it("gives random bytes, never the same", function()
		local some = assert(card:random(300))
		assert.equal(300, #some)
		assert.not_equal(some, card:random(300))
		assert.equal(70000, #assert(card:random(70000)))
		local none, _, code = card:random(0)
		assert.is_nil(none)
		assert.equal(iotsafe.ERR_ARG, code)
	end)

	it("passes APDUs on, with whatever the card answers", function()
		local answer = assert(card:apdu("\0\132\0\0\8"))
		assert.equal(10, #answer)
		assert.equal("\144\0", answer:sub(-2))
		assert.equal("\109\0", card:apdu("\0\254\0\0"))
		local none, _, code = card:apdu("abc")
		assert.is_nil(none)
		assert.equal(iotsafe.ERR_ARG, code)
	end)

	it("counts what goes over the link", function()
		local key = assert(card:key())
		local digest = support.digest("sha256", text)
		assert(key:sign("sha256", digest))
		local before = assert(card:counters())
		assert(key:sign("sha256", digest))
		local after = assert(card:counters())
		assert.equal(1, after.signatures - before.signatures)
		local exchanges = after.exchanges - before.exchanges
		assert.is_true(exchanges == 2 or exchanges == 3)
		assert.is_true(after.bytes_sent > before.bytes_sent)
		assert.is_true(after.bytes_received > before.bytes_received)
		assert.is_true(after.link_time > before.link_time)
	end)

	it("is one card for one address", function()
		local again = assert(iotsafe.open("sim:"))
		assert.equal(card:address(), again:address())
		again:close()
		assert(card:list())
	end)

	it("can be cancelled when nothing is under way", function()
		assert.is_true(card:cancel())
		assert(card:random(1))
	end)
end)

describe("each kind of card", function()
	for _, profile in ipairs { "gsma", "zariot", "thales", "quantag" } do
		it("signs: " .. profile, function()
			local card = assert(iotsafe.open("sim:" .. profile))
			local key = assert(card:key())
			local digest = support.digest("sha256", text)
			local signature = assert(key:sign("sha256", digest,
				"der"))
			assert.is_true(support.verifies(
				iotsafe.pem(assert(key:public_key()),
					"PUBLIC KEY"), digest, signature))
			card:close()
		end)
	end
	teardown(support.clean)
end)

describe("a file with a chain in it", function()
	it("is the first of its certificates to who asks for one", function()
		local store = support.store()
		local card = assert(iotsafe.open("sim:?store=" .. store))
		local leaf = assert(card:read("client-cert"))
		local issuer = assert(card:read("intermediate"))
		card:close()
		local both = support.write_file(store .. "/both.der",
			leaf .. issuer)
		local _, status = support.run(("%s personalise --store %s "
			.. "--file %s --id 02 --label client-cert"):format(
			os.getenv("IOTSAFE_SIM"), store, both))
		assert.equal(0, status)
		card = assert(iotsafe.open("sim:?timeout=9999&store=" .. store))
		assert.equal(leaf .. issuer, assert(card:read("client-cert")))
		assert.equal(leaf, assert(card:certificate("client-cert")))
		assert.equal(issuer, assert(assert(card:key()):chain())[2])
		card:close()
	end)
	teardown(support.clean)
end)
