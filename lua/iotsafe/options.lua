-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- The options of a connection, in LuaSec's words where it has them:
--
--	key          private key: a name, or what card:key gave (the identity)
--	certificate  a name on the card, or a file "/…" or "./…" (the key's)
--	certdata     the same as PEM or DER
--	cafile       PEM file whose CAs are trusted, or a list of such
--	cadata       the same as PEM or DER
--	cardca       true: trust the card's CA certificates; or a name
--	             (without any of these: the system's)
--	ca_key       the card verifies the server's topmost certificate with
--	             its public key of this name
--	pin          the server's own public key: DER, or the name of one on
--	             the card, or a list of these
--	raw_key      true: our side shows a public key, not a certificate
--	psk          an identity: a pre-shared key instead of certificates
--	psk_key      the secret key on the card, by name
--	psk_kind     "derived": the card gives a key (this is meant without
--	             a word); "card": it computes each session's secrets
--	psk_context  of "derived": what else the key is for
--	resume       false: the card signs; else connections of an open card
--	             with the same server (name and port, key, certificate,
--	             what it is verified by) resume one another without it
--	session      what session() of an earlier connection gave: goes on
--	             with that one, without the card
--	card_random  true: the card makes the client's random number
--	server_name  for SNI and the check of the certificate; false: any; need
--	             not be told with a pin or a pre-shared key
--	verify       false or "none": the server is not authenticated
--	alpn         protocols to offer: a string or a list
--	protocol     "any", "tlsv1_2", "tlsv1_3" or "dtlsv1_2"
--	datagram     true: DTLS, also called dtls
--	priority     GnuTLS's priority string
--	timeout      seconds
--
-- Others are left alone: LuaSec's programs put all sorts of things here.

local core = require "iotsafe.core"
local key = require "iotsafe.key"

local options = {}

function options.datagram(given)
	return given.datagram or given.dtls or given.protocol == "dtlsv1_2"
end

-- Calls the setter for the value, or for each of a list; not for false.
local function each(setter)
	return function(tls, value)
		if not value then
			return true
		elseif type(value) ~= "table" then
			return setter(tls, value)
		end
		for _, one in ipairs(value) do
			local ok, message, code, status = setter(tls, one)
			if not ok then
				return nil, message, code, status
			end
		end
		return true
	end
end

local function set_key(tls, value)
	if not key.is(value) then
		return core.tls_set_key(tls, value)
	end
	local object, message, code, status = value:object()
	if not object then
		return nil, message, code, status
	end
	return core.tls_set_key(tls, object.name)
end

local function set_card_ca(tls, value)
	if value == false then
		return true
	end
	return core.tls_set_ca_card(tls, value ~= true and value or nil)
end

local function set_server_name(tls, value)
	return core.tls_set_server_name(tls, value or nil)
end

-- DER is a sequence whose length is that of the rest (X.690 8.1.3).
local function is_der(value)
	local tag, size, one, two = value:byte(1, 4)
	if tag ~= 48 then
		return false
	elseif size == 129 then
		return one == #value - 3
	elseif size == 130 then
		return one * 256 + two == #value - 4
	end
	return size == #value - 2
end

-- A server with a pin or a pre-shared key is known by that; of its name nothing
-- has to be said.
local function set_pin(tls, value)
	core.tls_set_server_name(tls, nil)
	if is_der(value) then
		return core.tls_set_pin(tls, value)
	end
	return core.tls_set_pin_card(tls, value)
end

local kinds = { derived = core.PSK_DERIVED, card = core.PSK_CARD }

local function set_psk(tls, given)
	local kind = kinds[given.psk_kind or "derived"]
	if not kind then
		return nil, 'psk_kind must be "derived" or "card"',
			core.ERR_ARG, 0
	end
	core.tls_set_server_name(tls, nil)
	return core.tls_set_psk(tls, given.psk, given.psk_key, kind,
		given.psk_context)
end

-- For a setter of a switch.
local function switch(setter)
	return function(tls, value)
		return setter(tls, value and 1 or 0)
	end
end

local function set_alpn(tls, value)
	if type(value) == "table" then
		value = table.concat(value, ",")
	end
	return core.tls_set_alpn(tls, value)
end

local trust = { [true] = 1, [false] = 0, peer = 1, none = 0 }

local function set_verify(tls, value)
	local verify = trust[value]
	if not verify then
		return nil, 'verify must be true, false, "peer" or "none"',
			core.ERR_ARG, 0
	elseif verify == 0 then
		core.tls_set_server_name(tls, nil)
	end
	return core.tls_set_verify(tls, verify)
end

local versions = { any = 0, tlsv1_2 = 12, tlsv1_3 = 13, dtlsv1_2 = 0 }

local function set_protocol(tls, value)
	local version = versions[value]
	if not version then
		return nil, ("no protocol is called %q; there are any, "
			.. "tlsv1_2, tlsv1_3 and dtlsv1_2"):format(
			tostring(value)), core.ERR_ARG, 0
	end
	return core.tls_set_versions(tls, version, version)
end

-- Name, setter, and whether that wants all options rather than its own.
local settings = {
	{ "key", set_key },
	{ "certificate", core.tls_set_certificate },
	{ "certdata", core.tls_set_certificate_data },
	{ "cafile", each(core.tls_set_ca_file) },
	{ "cadata", each(core.tls_set_ca_data) },
	{ "cardca", set_card_ca },
	{ "ca_key", core.tls_set_ca_key },
	{ "pin", each(set_pin) },
	{ "raw_key", switch(core.tls_set_raw_key) },
	{ "psk", set_psk, true },
	{ "verify", set_verify },
	{ "server_name", set_server_name },
	{ "alpn", set_alpn },
	{ "protocol", set_protocol },
	{ "priority", core.tls_set_priority },
	{ "session", core.tls_set_session },
	{ "card_random", switch(core.tls_set_card_random) },
}

-- Gives the session what is set; true, or nil and why not.
function options.apply(tls, given)
	core.tls_set_resume(tls, given.resume == false and 0 or 1)
	for _, setting in ipairs(settings) do
		local value = given[setting[1]]
		if value ~= nil then
			local ok, message, code, status = setting[2](tls,
				setting[3] and given or value)
			if not ok then
				return nil, message, code, status
			end
		end
	end
	return true
end

return options
