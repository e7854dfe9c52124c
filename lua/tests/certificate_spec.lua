-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Certificates as LuaSec's programs read them; the openssl command says what
-- is right.
local ssl = require "iotsafe.ssl"
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)")
	.. "support.lua")

local REQUEST = "req -x509 -newkey %s -nodes -keyout key -out out -days 400 "
	.. "-subj '/C=XX/O=Example/CN=device 7' -set_serial 0x0123ABCD "
	.. "-addext 'subjectAltName=DNS:a.example,DNS:b.example,"
	.. "IP:127.0.0.1,IP:::1,email:x@a.example,URI:urn:x'"

local store, text, certificate

setup(function()
	store = support.store()
	text = support.openssl(REQUEST:format(
		"ec -pkeyopt ec_paramgen_curve:P-256"))
	certificate = assert(ssl.loadcertificate(text))
end)

teardown(support.clean)

describe("a certificate", function()
	it("is loaded from PEM, with anything around it", function()
		assert.equal(text, certificate:pem())
		local other = ssl.loadcertificate("comment\n" .. text .. "more")
		assert.equal(certificate:der(), other:der())
		for _, wrong in ipairs { "", "x", text:sub(1, 100),
			(text:gsub("\n..", "\n*.", 2)),
			"-----BEGIN CERTIFICATE-----\nAAAA\n"
				.. "-----END CERTIFICATE-----\n" } do
			local none, message = ssl.loadcertificate(wrong)
			assert.is_nil(none)
			assert.matches("error loading certificate", message)
		end
	end)

	it("tells its names", function()
		assert.same({
			{ oid = "2.5.4.6", name = "countryName", value = "XX" },
			{ oid = "2.5.4.10", name = "organizationName",
				value = "Example" },
			{ oid = "2.5.4.3", name = "commonName",
				value = "device 7" },
		}, certificate:subject())
		assert.same(certificate:subject(), certificate:issuer())
		assert.equal("0123ABCD", ("0" .. certificate:serial()):sub(-8))
		assert.same({
			name = "X509v3 Subject Alternative Name",
			dNSName = { "a.example", "b.example" },
			iPAddress = { "127.0.0.1", "::1" },
			rfc822Name = { "x@a.example" },
			uniformResourceIdentifier = { "urn:x" },
		}, certificate:extensions()["2.5.29.17"])
		assert.is_true(certificate:setencode("utf8"))
		assert.is_true(certificate:setencode("ai5"))
		assert.is_false(certificate:setencode("latin"))
	end)

	it("tells when it is valid", function()
		local said = support.x509(text, "-startdate -enddate")
		assert.equal(said:match("notBefore=([^\n]*)"),
			certificate:notbefore())
		assert.equal(said:match("notAfter=([^\n]*)"),
			certificate:notafter())
		local now = os.time()
		assert.is_true(certificate:validat(now + 5))
		assert.is_false(certificate:validat(now - 3600))
		assert.is_true(certificate:validat(now + 399 * 86400))
		assert.is_false(certificate:validat(now + 401 * 86400))
	end)

	it("has a public key and hashes", function()
		local key, kind, bits = certificate:pubkey()
		assert.same({ "EC", 256 }, { kind, bits })
		assert.equal(support.x509(text, "-pubkey"):match(
			"%-%-%-%-%-BEGIN.*KEY%-%-%-%-%-\n"), key)
		for _, hash in ipairs { "sha1", "sha256" } do
			local said = support.x509(text, "-fingerprint -"
				.. hash):match("=(%S+)"):gsub(":", ""):lower()
			assert.equal(said, certificate:digest(hash))
		end
		local rsa = assert(ssl.loadcertificate((support.openssl(
			REQUEST:format("rsa:1024")))))
		assert.same({ "RSA", 1024 }, { select(2, rsa:pubkey()) })
	end)

	it("writes addresses as sockets do", function()
		local made = assert(ssl.loadcertificate(support.openssl(
			REQUEST:gsub("IP:::1,", "IP:fe80::1:0:0:2,"
				.. "IP:2001:db8:0:1:1:1:1:1,IP:::,IP:1::,"
				.. "IP:1:0:0:2:0:0:0:3,"):format(
			"ec -pkeyopt ec_paramgen_curve:P-256"))))
		assert.same({ "127.0.0.1", "fe80::1:0:0:2",
			"2001:db8:0:1:1:1:1:1", "::", "1::",
			"1:0:0:2::3" },
			made:extensions()["2.5.29.17"].iPAddress)
	end)

	it("tells how it was signed", function()
		assert.equal("ecdsa-with-SHA256",
			certificate:getsignaturename())
		local rsa = assert(ssl.loadcertificate(support.openssl(
			REQUEST:format("rsa:1024 -sha384"))))
		assert.equal("sha384WithRSAEncryption",
			rsa:getsignaturename())
	end)

	it("knows who issued it", function()
		local ca = assert(ssl.loadcertificate(support.read_file(
			store .. "/ca.pem")))
		local server = assert(ssl.loadcertificate(support.read_file(
			store .. "/server.pem")))
		local between = assert(ssl.loadcertificate(support.read_file(
			store .. "/intermediate.pem")))
		assert.is_true(ca:issued(server, between))
		assert.is_true(ca:issued(between))
		assert.is_nil((ca:issued(server)))
		assert.is_nil((between:issued(ca)))
		local issued, why = certificate:issued(server)
		assert.is_nil(issued)
		assert.matches("issuer", why)
		assert.is_nil((ca:issued(certificate)))
	end)

	it("survives any byte being wrong", function()
		local make = require "iotsafe.certificate"
		local data = certificate:der()
		for index = 1, #data do
			for _, byte in ipairs { 0, 127, 128, 132, 255 } do
				local other = make(data:sub(1, index - 1)
					.. string.char(byte)
					.. data:sub(index + 1))
				other:subject()
				other:extensions()
				other:validat(0)
				other:pubkey()
			end
			local short = make(data:sub(1, index - 1))
			assert.same({}, short:subject())
			assert.is_nil(short:serial())
			assert.is_nil((short:pubkey()))
			assert.is_nil(short:notbefore())
		end
	end)
end)
