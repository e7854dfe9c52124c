-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- What the card does beside its identity's signatures; the other side is the
-- openssl command, which knows the secrets from the simulator's store.
local iotsafe = require "iotsafe"
local core = require "iotsafe.core"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local fails, hex, spoil = support.fails, support.hex, support.spoil
local text = ("what was said "):rep(30)
local modes = { "host", "full-text", "last-block" }
local card, store

setup(function()
	store = support.store()
	card = assert(iotsafe.open("sim:full?store=" .. store))
end)

teardown(function()
	card:close()
	support.clean()
end)

local function verifies(key, data, signature)
	return (pcall(support.openssl,
		"dgst -sha256 -verify key -signature sig data", {
		key = iotsafe.pem(assert(key:public_key()), "PUBLIC KEY"),
		sig = signature,
		data = data,
	}))
end

-- No card is known to give out a public key of RSA; the store has it.
local function rsa_verifies(data, signature, padding)
	return (pcall(support.openssl, "dgst -sha256 -prverify "
		.. store .. "/full/key-08.pem -sigopt rsa_padding_mode:"
		.. padding .. " -signature sig data",
		{ sig = signature, data = data }))
end

describe("a file", function()
	it("is named by label, id or type", function()
		local config = assert(card:read("config"))
		assert.matches('"port": 8883', config, 1, true)
		assert.equal(config, card:read("id=08;type=data"))
		assert.matches("config",
			fails("ERR_AMBIGUOUS", card:read("type=data")))
		fails("ERR_ABSENT", card:read("no-such-file"))
		local own = assert(iotsafe.open("sim:psk"))
		assert(own:read("type=data"))
		own:close()
	end)
end)

describe("data that a key signs", function()
	for _, mode in ipairs(modes) do
		it("is taken by openssl: " .. mode, function()
			local key = assert(card:key("client"))
			for _, size in ipairs { 0, 1, 64, 65, 400 } do
				local data = text:sub(1, size)
				local signature = assert(key:sign_data("sha256",
					data, mode, "der"))
				assert.is_true(verifies(key, data, signature))
				assert.is_false(verifies(key, data .. "!",
					signature))
			end
			assert.equal(64, #assert(key:sign_data("sha256", text,
				mode)))
		end)

		it("may be a brainpool or an RSA key's: " .. mode, function()
			local key = assert(card:key("brainpool"))
			assert.is_true(verifies(key, text, assert(
				key:sign_data("sha256", text, mode, "der"))))
			key = assert(card:key("rsa"))
			assert.is_true(rsa_verifies(text, assert(
				key:sign_data("rsa-pkcs1-sha256", text, mode,
					"der")), "pkcs1"))
			assert.is_true(rsa_verifies(text, assert(
				key:sign_data("rsa-pss-sha256", text, mode)),
				"pss"))
		end)
	end

	it("goes to the card as far as the mode says", function()
		local key = assert(card:key("client"))
		local function sent(mode)
			local before = card:counters().bytes_sent
			assert(key:sign_data("sha256", ("x"):rep(2000), mode))
			return card:counters().bytes_sent - before
		end
		sent("host")
		assert.is_true(sent("host") < sent("last-block"))
		assert.is_true(sent("last-block") < 1000)
		assert.is_true(sent("full-text") > 2000)
	end)

	it("is hashed here without a word", function()
		local key = assert(card:key("client"))
		assert.is_true(verifies(key, text,
			assert(key:sign_data("sha256", text, nil, "der"))))
	end)

	it("needs words that there are", function()
		local key = assert(card:key("client"))
		fails("ERR_ARG", key:sign_data("md5", text))
		assert.matches("half",
			fails("ERR_ARG", key:sign_data("sha256", text, "half")))
		fails("ERR_ARG", key:sign_data("sha256", text, "host", "xml"))
		fails("ERR_SUPPORT", key:sign_data("rsa-pss-sha256", text))
	end)
end)

describe("the card verifies", function()
	local host, signature

	setup(function()
		local spki
		host, spki = support.host_key()
		assert.is_true(card:put_public_key("verify", spki))
		assert.equal(spki, card:public_key("verify"))
		signature = support.openssl(
			"dgst -sha256 -sign key -out out data",
			{ key = host, data = text })
	end)

	it("what openssl signed, in both forms", function()
		local digest = support.digest("sha256", text)
		local raw = assert(core.signature_from_der(signature, 32))
		assert.is_true(card:verify("verify", "sha256", digest,
			signature))
		assert.is_true(card:verify("verify", "sha256", digest, raw))
	end)

	for _, mode in ipairs(modes) do
		it("data: " .. mode, function()
			assert.is_true(card:verify_data("verify", "sha256",
				text, signature, mode))
			fails("ERR_VERIFY", card:verify_data("verify",
				"sha256", text .. "!", signature, mode))
			fails("ERR_VERIFY", card:verify_data("verify",
				"sha256", text, spoil(signature), mode))
		end)
	end

	it("and refuses the rest", function()
		local digest = support.digest("sha256", text)
		fails("ERR_VERIFY", card:verify("verify", "sha256",
			support.digest("sha256", "other"), signature))
		fails("ERR_VERIFY", card:verify("ca-key", "sha256", digest,
			signature))
		fails("ERR_ABSENT", card:verify("nobody", "sha256", digest,
			signature))
		fails("ERR_ARG", card:verify("verify", "md5", digest,
			signature))
		fails("ERR_ARG", card:verify_data("verify", "sha256", text,
			signature, "half"))
	end)

	it("with keys that are keys and may be written", function()
		local _, spki = support.host_key()
		local none, message, code =
			card:put_public_key("verify", spoil(spki))
		assert.is_nil(none)
		assert.is_true(code < 0 and message ~= "")
		fails("ERR_DENIED", card:put_public_key("ca-key", spki))
	end)
end)

describe("keys made by the card", function()
	it("agree with openssl's on a secret", function()
		local host, spki = support.host_key()
		local key = assert(card:generate("ecdh"))
		local secret = assert(key:agree(spki, "peer"))
		assert.equal(32, #secret)
		assert.equal(hex(secret), hex((support.openssl(
			"pkeyutl -derive -inkey key -peerkey peer "
			.. "-peerform DER -out out",
			{ key = host, peer = key:public_key() }))))
		assert.equal(secret, key:agree(nil, "peer"))
	end)

	it("are new each time", function()
		local one = assert(card:generate("ecdh")):public_key()
		assert.not_equal(one,
			assert(card:generate("ecdh")):public_key())
		fails("ERR_SUPPORT", card:generate("client"))
	end)
end)

describe("what the card derives", function()
	local secret

	setup(function()
		secret = support.read_file(store .. "/full/secret-01.bin")
	end)

	local function kdf(arguments, size)
		return (support.openssl(("kdf -keylen %d %s"):format(size,
			arguments:gsub("(%S+:%S*)", "-kdfopt %1"))))
	end

	local function prf(key, label, seed, size)
		return kdf(("-binary -out out digest:SHA256 hexsecret:%s "
			.. "hexseed:%s TLS1-PRF"):format(hex(key),
			hex(label .. seed)), size)
	end

	-- RFC 4279 section 2; with another secret RFC 5489 section 2.
	local function premaster(other)
		local function sized(data)
			return "\0" .. string.char(#data) .. data
		end
		return sized(other or ("\0"):rep(#secret)) .. sized(secret)
	end

	it("is the PRF of TLS 1.2", function()
		local given = ("x"):rep(48)
		assert.equal(hex(prf(given, "label", "seed", 100)),
			hex(assert(card:prf("label", "seed", 100, nil, given))))
		assert.equal(hex(prf(premaster(), "label", "seed", 48)),
			hex(assert(card:prf("label", "seed", 48, "psk"))))
		assert.equal(hex(prf(premaster(given), "label", "seed", 48)),
			hex(assert(card:prf("label", "seed", 48, "psk",
				given))))
	end)

	it("is HKDF", function()
		local extracted = assert(card:hkdf_extract("sha256", "secret",
			"salt"))
		assert.equal(hex(kdf(("-binary -out out digest:SHA256 "
			.. "mode:EXTRACT_ONLY hexkey:%s hexsalt:%s HKDF"):format(
			hex("secret"), hex("salt")), 32)), hex(extracted))
		local expanded = assert(iotsafe.hkdf_expand("sha256",
			extracted, "info", 77))
		assert.equal(hex(kdf(("-binary -out out digest:SHA256 "
			.. "mode:EXPAND_ONLY hexkey:%s hexinfo:%s HKDF"):format(
			hex(extracted), hex("info")), 77)), hex(expanded))
		assert.equal(48, #assert(card:hkdf_extract("sha384", "x")))
		fails("ERR_ARG", iotsafe.hkdf_expand("md5", extracted, "", 1))
		fails("ERR_ARG", iotsafe.hkdf_expand("sha256", extracted, "",
			0))
		fails("ERR_ARG", card:hkdf_extract("md5", "x"))
	end)

	it("is CMAC", function()
		local key = support.read_file(store .. "/full/secret-02.bin")
		for _, size in ipairs { 0, 1, 16, 17, 400 } do
			local data = text:sub(1, size)
			local mac = support.openssl("mac -cipher AES-128-CBC "
				.. "-macopt hexkey:" .. hex(key)
				.. " -binary -in data -out out CMAC",
				{ data = data })
			assert.equal(hex(mac), hex(assert(card:mac("cmac",
				data))))
		end
		fails("ERR_ABSENT", card:mac("nobody", "data"))
	end)

	it("is a key for both ends of TLS-PSK", function()
		local function expected(context)
			return hex(prf(premaster(), "iotsafe psk",
				support.digest("sha256", "device-7")
				.. support.digest("sha256", context), 32))
		end
		assert.equal(expected(""), hex(assert(card:psk("device-7",
			"psk"))))
		assert.equal(expected("broker"), hex(assert(card:psk(
			"device-7", "psk", "broker"))))
	end)
end)

describe("requests and tokens", function()
	it("are taken by openssl", function()
		local key = assert(card:key("client"))
		local der = assert(key:csr("CN=device-7,O=Example",
			{ "dns:a.example", "ip:192.0.2.7" }, { "clientAuth" }))
		local words = support.openssl("req -verify -noout -text "
			.. "-in csr -out out",
			{ csr = iotsafe.pem(der, "CERTIFICATE REQUEST") })
		-- OpenSSL 3.2 and later write no blanks round the "=".
		assert.matches("CN ?= ?device%-7", words)
		assert.matches("DNS:a.example", words, 1, true)
		assert.matches("IP Address:192.0.2.7", words, 1, true)
		assert.matches("Client Authentication", words, 1, true)
		assert(key:csr("CN=x"))
		assert(key:csr("CN=x", "dns:a,dns:b"))
		fails("ERR_ARG", key:csr("nothing"))
		fails("ERR_ARG", key:csr("CN=x", { "dns:a,dns:b" }))
		fails("ERR_ARG", key:csr("CN=x", nil, { "a,b" }))
		fails("ERR_ARG", key:csr("CN=x", "fax:1"))
	end)

	it("carry their payload", function()
		local function decoded(part)
			part = part:gsub("-", "+"):gsub("_", "/")
			part = part .. ("="):rep(-#part % 4)
			return (support.openssl(
				"base64 -d -A -in part -out out",
				{ part = part }))
		end
		local key = assert(card:key("client"))
		local token = assert(key:jws('{"sub":"7"}', "JWT", "k1"))
		local header, payload, signature =
			token:match("^([^.]+)%.([^.]+)%.([^.]+)$")
		assert.matches('"alg":"ES256"', decoded(header), 1, true)
		assert.matches('"typ":"JWT"', decoded(header), 1, true)
		assert.matches('"kid":"k1"', decoded(header), 1, true)
		assert.equal('{"sub":"7"}', decoded(payload))
		assert.is_true(verifies(key, header .. "." .. payload,
			assert(core.signature_to_der(decoded(signature)))))
	end)
end)

describe("the card's refusal is told", function()
	local calls = {
		["2C"] = function(own)
			return own:verify("client", "sha256", ("x"):rep(32),
				("x"):rep(64))
		end,
		["24"] = function(own)
			return own:put_public_key("verify",
				own:public_key("client"))
		end,
		["B9"] = function(own) return own:generate("ecdh") end,
		["48"] = function(own) return own:prf("l", "s", 9, "psk") end,
		["4A"] = function(own)
			return own:hkdf_extract("sha256", "secret")
		end,
		["2A"] = function(own) return own:mac("cmac", "data") end,
	}

	for ins, call in pairs(calls) do
		it(ins, function()
			local own = assert(iotsafe.open(
				"sim:full?fault=sw=" .. ins .. ":6F42"))
			local none, message, code, status = call(own)
			assert.is_nil(none)
			assert.matches("6F42", message)
			assert.equal(iotsafe.ERR_CARD, code)
			assert.equal(28482, status)
			own:close()
		end)
	end
end)

describe("a hash", function()
	it("is openssl's", function()
		for _, name in ipairs { "sha1", "sha256", "sha384", "sha512" } do
			assert.equal(hex(support.digest(name, text)),
				hex(iotsafe.digest(name, text)))
		end
		assert.is_nil(iotsafe.digest("none", text))
		assert.error(function() iotsafe.digest("sha256") end)
	end)
end)
