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
--	server_name  for SNI and the check of the certificate; false: any
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

local settings = {
	{ "key", set_key },
	{ "certificate", core.tls_set_certificate },
	{ "certdata", core.tls_set_certificate_data },
	{ "cafile", each(core.tls_set_ca_file) },
	{ "cadata", each(core.tls_set_ca_data) },
	{ "cardca", set_card_ca },
	{ "verify", set_verify },
	{ "server_name", set_server_name },
	{ "alpn", set_alpn },
	{ "protocol", set_protocol },
	{ "priority", core.tls_set_priority },
}

-- Gives the session what is set; true, or nil and why not.
function options.apply(tls, given)
	for _, setting in ipairs(settings) do
		local value = given[setting[1]]
		if value ~= nil then
			local ok, message, code, status = setting[2](tls, value)
			if not ok then
				return nil, message, code, status
			end
		end
	end
	return true
end

return options
