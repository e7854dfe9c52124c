-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Trust Onboard's two identities, their PIN, and what their vendor's SDK does,
-- checked by the openssl command.
local iotsafe = require "iotsafe"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local fails = support.fails
local signing = "applet=mias;label=signing"
local available = "applet=mias;label=available"
local pins = { mias = "0000", mf = "1111" }
local store, bundle, card, asked

local function open(profile, quirk)
	return assert(iotsafe.open(("sim:%s?store=%s%s"):format(profile,
		support.store(), quirk and "&quirk=" .. quirk or "")))
end

local function give(iccid, applet, tries)
	asked[#asked + 1] = { iccid, applet, tries }
	return pins[applet]
end

setup(function()
	store = support.store()
	bundle = store .. "/trust-onboard-bundle.pem"
	card = assert(iotsafe.open("sim:trust-onboard?store=" .. store))
end)

teardown(function()
	iotsafe.set_applet_pin()
	card:close()
	support.clean()
end)

before_each(function()
	asked = {}
	iotsafe.set_applet_pin(give)
end)

local function public_pem(key)
	return iotsafe.pem(assert(key:public_key()), "PUBLIC KEY")
end

describe("the PIN of an applet", function()
	it("is asked for by ICCID and applet, once", function()
		local key = assert(card:key(signing))
		assert(key:sign("sha256", ("x"):rep(32)))
		assert(key:sign("sha256", ("y"):rep(32)))
		assert.same({ { card:iccid(), "mias", 3 } }, asked)
		assert.is_false(card:pin_tries())
		key:close()
	end)

	it("costs a try where it is wrong, and none where it cannot be",
	   function()
		iotsafe.set_applet_pin()
		local own = open("trust-onboard")
		assert.equal(3, own:pin_tries())
		assert.equal(3, own:pin_tries("mias"))
		for _, pin in ipairs { "", "123", "123456789",
				       ("1"):rep(300) } do
			assert.matches("nothing was sent",
				fails("ERR_ARG", own:pin_verify(pin)))
			fails("ERR_ARG", own:pin_change("0000", pin))
		end
		assert.equal(3, own:pin_tries())
		assert.matches("2 tries left",
			fails("ERR_PIN", own:pin_verify("9999")))
		assert.equal(2, own:pin_tries())
		assert(own:pin_change("0000", "24681357", "mias"))
		fails("ERR_PIN", own:pin_verify("0000"))
		assert(own:pin_verify("24681357"))
		own:close()
	end)

	it("is not there without an applet of that name", function()
		fails("ERR_ARG", card:pin_tries("visa"))
		fails("ERR_ABSENT", card:pin_tries("mf"))
		local other = assert(iotsafe.open("sim:gsma"))
		fails("ERR_SUPPORT", other:pin_tries())
		other:close()
	end)

	it("is missed where the function fails", function()
		iotsafe.set_applet_pin(function() error("no") end)
		local own = open("trust-onboard")
		local key = assert(own:key(signing))
		assert.matches("gave none",
			fails("ERR_PIN", key:sign("sha256", ("x"):rep(32))))
		assert.equal(3, own:pin_tries())
		key:close()
		own:close()
	end)
end)

describe("an identity", function()
	it("tells its applet, and whether its key is software", function()
		local found = {}
		for _, each in ipairs(assert(card:list("type=private"))) do
			found[each.label] = each
			assert.equal("mias", each.applet)
			assert.is_true(each.flags.decrypt)
		end
		assert.is_false(found.signing.software)
		assert.is_true(found.available.software)
		assert.matches("rsa%-pkcs1%-sha1",
			table.concat(found.signing.algorithms, " "))
	end)

	for _, name in ipairs { signing, available } do
		it("signs with SHA-1 and decrypts: " .. name, function()
			local key = assert(card:key(name))
			local sha1 = iotsafe.digest("sha1", "text")
			support.openssl("dgst -sha1 -verify key "
				.. "-signature sig data", {
				key = public_pem(key), data = "text",
				sig = assert(key:sign("rsa-pkcs1-sha1", sha1)),
			})
			local cipher = support.openssl("pkeyutl -encrypt "
				.. "-pubin -inkey key -in text -out out",
				{ key = public_pem(key), text = "a secret" })
			assert.equal("a secret", key:decrypt(cipher))
			assert.is_nil((key:decrypt("short")))
			key:close()
		end)
	end

	it("gives out its key where it is software alone", function()
		local key = assert(card:key(available))
		local pem = iotsafe.pem(assert(key:export()), "RSA PRIVATE KEY")
		local public = support.openssl("pkey -in key -pubout "
			.. "-outform DER -out out", { key = pem })
		assert.equal(key:public_key(), public)
		key:close()
		key = assert(card:key(signing))
		fails("ERR_DENIED", key:export())
		key:close()
	end)
end)

describe("a certificate", function()
	it("gets its chain from a bundle, and is verified", function()
		local key = assert(card:key(signing))
		assert.equal(1, #assert(key:chain()))
		assert(key:complete_chain(bundle))
		assert.equal(2, #assert(key:chain()))
		assert(iotsafe.verify_certificate(key:certificate(), bundle))
		fails("ERR_UNTRUSTED", iotsafe.verify_certificate(
			key:certificate(), store .. "/ca.pem"))
		key:close()
	end)

	it("of expired issuers is refused unless told otherwise", function()
		local own = assert(iotsafe.open(
			"sim:trust-onboard?quirk=g1&store=" .. store))
		local key = assert(own:key(signing))
		local leaf = assert(key:certificate())
		local verify = iotsafe.verify_certificate
		assert.matches("has expired on",
			fails("ERR_UNTRUSTED", verify(leaf, bundle)))
		assert(verify(leaf, bundle, nil, true))
		assert(verify(leaf, bundle, 1593475200))
		fails("ERR_UNTRUSTED", verify(leaf, bundle, 0))
		key:close()
		own:close()
	end)
end)
