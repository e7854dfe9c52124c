-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- LuaSec's parameters to a card and the options of a connection. docs/lua.md
-- has the table of them. What nobody knows is left alone, for ssl.https passes
-- its whole request here; what is known and would weaken the connection if it
-- were left alone is refused by name.

local cards = require "iotsafe.card"
local core = require "iotsafe.core"
local options = require "iotsafe.options"

local context = {}

-- What iotsafe.options has beyond LuaSec's words goes through as it is.
local passed = { "certdata", "cadata", "cardca", "ca_key", "pin", "raw_key",
	"psk", "psk_key", "psk_kind", "psk_context", "session", "card_random",
	"alpn", "priority", "datagram", "dtls", "timeout" }

-- LuaSec's name of each version is ours but for the oldest word for "any".
local protocols = { any = "any", sslv23 = "any", tlsv1_2 = "tlsv1_2",
	tlsv1_3 = "tlsv1_3", dtlsv1_2 = "dtlsv1_2" }

-- Options that turn versions off must not be misspelt; all others are about
-- what GnuTLS does anyway, or for servers.
local VERSION_OFF = "^no_d?[ts][ls][ls]"
local versions = { no_sslv2 = 1, no_sslv3 = 1, no_tlsv1 = 1, no_tlsv1_1 = 1,
	no_tlsv1_2 = 1, no_tlsv1_3 = 1, no_dtlsv1 = 1, no_dtlsv1_2 = 1 }

-- OpenSSL's words for what GnuTLS's NORMAL has anyway.
local strong = { ALL = 1, DEFAULT = 1, HIGH = 1, ["@STRENGTH"] = 1,
	["!aNULL"] = 1, ["!eNULL"] = 1, ["!NULL"] = 1, ["!ADH"] = 1,
	["!AECDH"] = 1, ["!MD5"] = 1, ["!RC4"] = 1, ["!LOW"] = 1, ["!EXP"] = 1,
	["!EXPORT"] = 1, ["!DES"] = 1, ["!3DES"] = 1, ["!DSS"] = 1,
	["!SSLv2"] = 1, ["!SSLv3"] = 1, ["!IDEA"] = 1, ["!SEED"] = 1 }

local function refuse(sentence, ...)
	return nil, sentence:format(...), core.ERR_ARG, 0
end

local function set_of(value)
	local set = {}
	for _, word in ipairs(type(value) == "table" and value or { value }) do
		set[word] = true
	end
	return set
end

local function is_file(name)
	local file = type(name) == "string" and io.open(name, "rb")
	if file then
		file:close()
	end
	return file and true
end

local function decode(digits)
	return string.char(tonumber(digits, 16))
end

-- "iotsafe:label=client?card=at:/dev/ttyUSB2": the name alone, and the card.
local function split(name)
	if type(name) ~= "string" then
		return name
	end
	local own, address = name:match("^(.-)%?card=(.*)$")
	if not own then
		return name
	end
	return own, (address:gsub("%%(%x%x)", decode))
end

-- A file would be a key outside of the card.
local function set_key(given, all)
	local name, address = split(given.key)
	if type(name) == "string" and not name:find("^iotsafe:")
	   and (name:find("[/.]") or is_file(name)) then
		return refuse("error loading private key (%s: keys are on the "
			.. "card; name one as iotsafe:label=client)", name)
	elseif address and address:find("^exec:") then
		return refuse("error loading private key (card=exec: is "
			.. "refused inside a name)")
	end
	all.key = name
	return true, address
end

local function set_certificate(given, all)
	local name = split(given.certificate)
	if is_file(name) and not name:find("^%.?/") then
		name = "./" .. name
	end
	all.certificate = name
	return true
end

local function set_authorities(given, all)
	all.cafile = given.cafile
	local path = given.capath
	if path and not given.cafile and path:find("^/etc/ssl/certs/?$") then
		return true -- the system's are trusted without a word
	elseif path then
		return refuse("error loading CA locations (capath %s: give "
			.. "the certificates in one file, cafile)", path)
	end
	return true
end

-- Without a word the server is verified, other than LuaSec does.
local function set_verify(given, all)
	local verify = given.verify
	if type(verify) == "boolean" or verify == nil then
		all.verify = verify ~= false
		return true
	end
	local known = { none = 1, peer = 1, fail_if_no_peer_cert = 1,
		client_once = 1 }
	local words = set_of(verify)
	for word in pairs(words) do
		if not known[word] then
			return refuse("invalid verify option (%s)",
				tostring(word))
		end
	end
	all.verify = not words.none or words.peer or false
	return true
end

local function set_protocol(given, all)
	local wanted = given.protocol or "any"
	local protocol = protocols[wanted]
	if not protocol then
		return refuse("invalid protocol (%s): there are any, tlsv1_2, "
			.. "tlsv1_3 and dtlsv1_2", tostring(wanted))
	end
	local off = set_of(given.options)
	for word in pairs(off) do
		if tostring(word):find(VERSION_OFF) and not versions[word] then
			return refuse("invalid option (%s)", word)
		end
	end
	if protocol == "any" and off.no_tlsv1_2 then
		protocol = "tlsv1_3"
	elseif protocol == "any" and off.no_tlsv1_3 then
		protocol = "tlsv1_2"
	elseif off["no_" .. protocol] then
		return refuse("invalid protocol (%s): the options refuse it",
			wanted)
	end
	all.protocol = protocol
	return true
end

local function set_server_name(given, all)
	all.server_name = given.server_name
	if all.server_name == nil then
		all.server_name = given.server
	end
	if type(all.server_name) ~= "string" and all.server_name ~= false then
		all.server_name = nil
	end
	return true
end

-- Ciphers by OpenSSL's names cannot be chosen: `priority` is for that.
local function check_ciphers(given)
	for _, name in ipairs { "ciphers", "ciphersuites" } do
		for word in (given[name] or ""):gmatch("[^:, ]+") do
			if name == "ciphersuites" or not strong[word] then
				return refuse("error setting cipher list (%s "
					.. "%s: GnuTLS's priority chooses "
					.. "here)", name, word)
			end
		end
	end
	return true
end

local function check_rest(given)
	if type(given.psk) == "function" then
		return refuse("psk: its key is on the card: give the identity "
			.. "as a string, and psk_key")
	elseif type(given.alpn) == "function" then
		return refuse("invalid ALPN parameter: functions are for servers")
	elseif given.dane then
		return refuse("dane: this library has none")
	elseif set_of(given.verifyext).crl_check then
		return refuse("verifyext: crl_check: this library has none")
	elseif type(given.certificates) == "table" and given.certificates[2]
	then
		return refuse("certificates: the card has one identity; name "
			.. "another by key and certificate")
	end
	return true
end

local steps = { set_certificate, set_authorities, set_verify, set_protocol,
	set_server_name, check_ciphers, check_rest }

local function translate(given)
	-- LuaSec's connections do not resume one another unless told to.
	local all = { resume = given.resume == true }
	for _, name in ipairs(passed) do
		all[name] = given[name]
	end
	local address, message, code, status = set_key(given, all)
	if not address then
		return nil, message, code, status
	end
	address = message
	for _, step in ipairs(steps) do
		local done
		done, message, code, status = step(given, all)
		if not done then
			return nil, message, code, status
		end
	end
	return all, address
end

local function find_card(given, address)
	local card = given.card
	if type(card) == "table" then
		return card
	end
	return cards.open(card or address)
end

-- Tries the options on a session, so that a missing file is told now.
local function try(card, all)
	local tls, message, code, status = core.tls_new(card.handle,
		options.datagram(all) and core.TLS_DATAGRAM or 0)
	if not tls then
		return nil, message, code, status
	end
	local done
	done, message, code, status = options.apply(tls, all)
	core.tls_free(tls)
	return done, message, code, status
end

-- The card, and the options for iotsafe.connection.
function context.new(given)
	local first = type(given.certificates) == "table"
		and given.certificates[1]
	if first and not given.key then
		given = setmetatable({ key = first.key,
			certificate = first.certificate }, { __index = given })
	end
	local all, address, code, status = translate(given)
	if not all then
		return nil, address, code, status
	end
	local card, message
	card, message, code, status = find_card(given, address)
	if not card then
		return nil, "error loading private key (" .. message .. ")",
			code, status
	end
	local done
	done, message, code, status = try(card, all)
	if not done then
		return nil, message, code, status
	end
	return card, all
end

return context
