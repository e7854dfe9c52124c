-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- The SIM card as the TLS identity of a device: cards, their keys, and TLS
-- connections in LuaSocket's manner.
--
--	local iotsafe = require "iotsafe"
--	local card = assert(iotsafe.open("at:/dev/ttyUSB2"))
--	local tls = assert(card:connect("broker.example", 8883,
--	                                { cafile = "ca.pem" }))
--
-- What fails returns nil, sentence, code, status word: the sentence is for
-- people, the code is one of iotsafe.ERR_…, the status word is the card's (0
-- if the card did not cause it). Everything on a closed object fails with
-- "closed". Arguments of a wrong type are Lua errors. Secrets that come out are
-- strings, which Lua cannot wipe.
--
-- Written in the Lua that 5.1, LuaJIT, 5.3 and 5.4 have in common.

local core = require "iotsafe.core"
local card = require "iotsafe.card"
local words = require "iotsafe.words"

local iotsafe = {
	_VERSION = core.version(),
	-- open(address): a card; see docs/addresses.md. nil: IOTSAFE_CARD.
	open = card.open,
	-- error_name(code): "ERR_TIMEOUT"
	error_name = core.error_name,
	-- digest("sha256", data): a hash; nil for an unknown one
	digest = core.digest,
}

-- What not everybody needs is loaded when it is first called.

-- pem(der [, label]): the text form; the label is "CERTIFICATE" or, for
-- example, "PUBLIC KEY".
function iotsafe.pem(der, label)
	return require "iotsafe.pem".encode(der, label)
end

-- seal(secret, kid, file [, options]): protects single messages
function iotsafe.seal(secret, kid, file, given)
	return require "iotsafe.seal".new(secret, kid, file, given)
end

-- hkdf_expand("sha256", secret, info, size): HKDF-Expand (RFC 5869), computed
-- here: bytes of key from what card:hkdf_extract gave.
function iotsafe.hkdf_expand(algorithm, secret, info, size)
	local bits, message, code, status = words.algorithm(algorithm)
	if not bits then
		return nil, message, code, status
	end
	return core.hkdf_expand(bits, secret, info, size)
end

for name, value in pairs(core) do
	if name:find("^ERR_") or name:find("^WANT_") then
		iotsafe[name] = value
	end
end

-- trace("apdu"), trace("at"), trace("all"), trace(): one line an exchange on
-- standard error; secrets are masked. trace("failure"): why GnuTLS, to which
-- somebody gave a name like `iotsafe:`, was told no more than a number.
local traces = {
	apdu = core.TRACE_APDU,
	at = core.TRACE_AT,
	failure = core.TRACE_FAILURE,
	all = core.TRACE_APDU + core.TRACE_AT,
}

function iotsafe.trace(what)
	core.trace_set(what and (traces[what] or error(
		("no trace is called %q"):format(tostring(what)), 2)) or 0)
end

-- set_pin(function (iccid, tries) return "1234" end): asked for the PIN of a
-- card that wants one, by the ICCID; nil: there is none. It must not use the
-- card. set_pin() takes it away.
iotsafe.set_pin = core.pin_set

-- set_applet_pin(function (iccid, applet, tries) return "0000" end): the same
-- for the PINs of applets, those of Trust Onboard: "mias" and "mf".
iotsafe.set_applet_pin = core.pin_set_applet

-- verify_certificate(certificate, bundle [, at [, ignore_ca_expiry]]): true if
-- a certificate (DER, or PEM with more of its chain behind it) leads to a root
-- among the CA certificates of a file, or of the files of a directory, and is
-- valid at that time (seconds since 1970; none: now); else ERR_UNTRUSTED.
function iotsafe.verify_certificate(data, bundle, at, ignore_ca_expiry)
	return core.certificate_verify(data, bundle, at or -1,
		ignore_ca_expiry and core.VERIFY_IGNORE_CA_EXPIRY or 0)
end

return iotsafe
