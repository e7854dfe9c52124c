-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- DER to the object that LuaSec's programs know as a certificate. Names and
-- dates are read when they are asked for; what is malformed gives nil.

local core = require "iotsafe.core"
local der = require "iotsafe.der"
local pem = require "iotsafe.pem"

local methods = {}
local metatable = { __index = methods }

local SEQUENCE, SET, OID, INTEGER = 48, 49, 6, 2
local BMP_STRING = 30
local VERSION, EXTENSIONS = 160, 163 -- [0] and [3] (RFC 5280 4.1)
local ALTERNATIVE_NAME = "2.5.29.17"

local names = {
	["2.5.4.3"] = "commonName",
	["2.5.4.4"] = "surname",
	["2.5.4.5"] = "serialNumber",
	["2.5.4.6"] = "countryName",
	["2.5.4.7"] = "localityName",
	["2.5.4.8"] = "stateOrProvinceName",
	["2.5.4.9"] = "streetAddress",
	["2.5.4.10"] = "organizationName",
	["2.5.4.11"] = "organizationalUnitName",
	["2.5.4.12"] = "title",
	["2.5.4.42"] = "givenName",
	["0.9.2342.19200300.100.1.1"] = "userId",
	["0.9.2342.19200300.100.1.25"] = "domainComponent",
	["1.2.840.113549.1.9.1"] = "emailAddress",
}

-- As OpenSSL calls them.
local signatures = {
	["1.2.840.113549.1.1.5"] = "sha1WithRSAEncryption",
	["1.2.840.113549.1.1.10"] = "rsassaPss",
	["1.2.840.113549.1.1.11"] = "sha256WithRSAEncryption",
	["1.2.840.113549.1.1.12"] = "sha384WithRSAEncryption",
	["1.2.840.113549.1.1.13"] = "sha512WithRSAEncryption",
	["1.2.840.10045.4.3.2"] = "ecdsa-with-SHA256",
	["1.2.840.10045.4.3.3"] = "ecdsa-with-SHA384",
	["1.2.840.10045.4.3.4"] = "ecdsa-with-SHA512",
	["1.3.101.112"] = "ED25519",
	["1.3.101.113"] = "ED448",
}

local months = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
	"Sep", "Oct", "Nov", "Dec" }

local curve_bits = {
	["1.2.840.10045.3.1.7"] = 256,
	["1.3.132.0.34"] = 384,
	["1.3.132.0.35"] = 521,
	["1.3.36.3.3.2.8.1.1.7"] = 256,
	["1.3.36.3.3.2.8.1.1.11"] = 384,
	["1.3.36.3.3.2.8.1.1.13"] = 512,
}

-- GeneralName (RFC 5280 4.2.1.6), by the number of its tag.
local general_names = { [129] = "rfc822Name", [130] = "dNSName",
	[134] = "uniformResourceIdentifier", [135] = "iPAddress" }

-- The elements in an item of that tag.
local function inside(item, tag)
	return item and item.tag == tag and der.list(item.data) or nil
end

local function oid_of(item)
	return item and item.tag == OID and der.oid(item.data) or nil
end

-- The fields of a TBSCertificate, in order; nil if there are too few.
local function read(data)
	local outer = der.list(data)
	local whole = outer and #outer == 1 and inside(outer[1], SEQUENCE)
	local tbs = whole and inside(whole[1], SEQUENCE)
	if not tbs then
		return nil
	end
	local at = tbs[1] and tbs[1].tag == VERSION and 2 or 1
	local spki = tbs[at + 5]
	if not spki or spki.tag ~= SEQUENCE or tbs[at].tag ~= INTEGER then
		return nil
	end
	local fields = { serial = tbs[at], issuer = tbs[at + 2],
		signature = tbs[at + 1],
		validity = inside(tbs[at + 3], SEQUENCE) or {},
		subject = tbs[at + 4], spki = spki }
	for index = at + 6, #tbs do
		if tbs[index].tag == EXTENSIONS then
			fields.extensions = der.list(tbs[index].data)
		end
	end
	return fields
end

local function fields(self)
	if self.fields == nil then
		self.fields = read(self.data) or false
	end
	return self.fields or {}
end

function methods:der()
	return self.data
end

function methods:pem()
	return pem.encode(self.data)
end

local function hexadecimal(byte)
	return ("%02x"):format(byte:byte())
end

-- digest(["sha256"]): in hexadecimal; of SHA-1 without a name, as LuaSec has
-- it.
function methods:digest(name)
	local bytes = core.digest(name or "sha1", self.data)
	if not bytes then
		return nil, ("no hash is called %q"):format(name),
			core.ERR_ARG, 0
	end
	return (bytes:gsub(".", hexadecimal))
end

-- UCS-2 to UTF-8.
local function from_bmp(data)
	return (data:gsub("(.)(.)", function(high, low)
		local code = high:byte() * 256 + low:byte()
		if code < 128 then
			return string.char(code)
		elseif code < 2048 then
			return string.char(192 + math.floor(code / 64),
				128 + code % 64)
		end
		return string.char(224 + math.floor(code / 4096),
			128 + math.floor(code / 64) % 64, 128 + code % 64)
	end))
end

-- setencode("ai5" or "utf8"): how strings are told that are kept otherwise.
function methods:setencode(name)
	if name ~= "ai5" and name ~= "ascii" and name ~= "utf8" then
		return false
	end
	self.utf8 = name == "utf8"
	return true
end

local function text_of(self, item)
	if self.utf8 and item.tag == BMP_STRING then
		return from_bmp(item.data)
	end
	return item.data
end

-- A list of { oid, name, value }.
local function name_list(self, item)
	local list = {}
	for _, set in ipairs(inside(item, SEQUENCE) or {}) do
		for _, pair in ipairs(inside(set, SET) or {}) do
			local parts = inside(pair, SEQUENCE) or {}
			local oid = oid_of(parts[1])
			if oid and parts[2] then
				list[#list + 1] = { oid = oid,
					name = names[oid] or oid,
					value = text_of(self, parts[2]) }
			end
		end
	end
	return list
end

function methods:subject()
	return name_list(self, fields(self).subject)
end

function methods:issuer()
	return name_list(self, fields(self).issuer)
end

-- How the issuer has signed: OpenSSL's name, or the identifier.
function methods:getsignaturename()
	local parts = inside(fields(self).signature, SEQUENCE)
	local oid = parts and oid_of(parts[1])
	return signatures[oid] or oid
end

-- In hexadecimal.
function methods:serial()
	local serial = fields(self).serial
	if not serial then
		return nil
	end
	local digits = serial.data:gsub("^%z+(.)", "%1")
	return (digits:gsub(".", hexadecimal):upper())
end

local function date(self, index)
	local item = (fields(self).validity or {})[index]
	local seconds, year, month, day, hour, minute, second
	if item then
		seconds, year, month, day, hour, minute, second = der.time(item)
	end
	if not seconds then
		return nil
	end
	return ("%s %2d %02d:%02d:%02d %d GMT"):format(months[month], day,
		hour, minute, second, year), seconds
end

function methods:notbefore()
	return (date(self, 1))
end

function methods:notafter()
	return (date(self, 2))
end

-- validat(seconds since 1970): true if it is valid then.
function methods:validat(time)
	local _, from = date(self, 1)
	local _, to = date(self, 2)
	return from ~= nil and to ~= nil and time >= from and time <= to
end

-- The longest row of zeros, two at least, is "::" (RFC 5952 4.2).
local function shortened(text)
	for count = 8, 2, -1 do
		local zeros = ":" .. ("0:"):rep(count)
		local first, last = (":" .. text .. ":"):find(zeros, 1, true)
		if first then
			return text:sub(1, math.max(first - 2, 0)) .. "::"
				.. text:sub(last)
		end
	end
	return text
end

-- As getpeername() writes it.
local function ip_text(data)
	if #data == 4 then
		return ("%d.%d.%d.%d"):format(data:byte(1, 4))
	end
	local groups = {}
	for index = 1, #data - 1, 2 do
		local high, low = data:byte(index, index + 1)
		groups[#groups + 1] = ("%x"):format(high * 256 + low)
	end
	return shortened(table.concat(groups, ":"))
end

local function alternative_names(value)
	local found = { name = "X509v3 Subject Alternative Name" }
	local outer = der.list(value)
	for _, item in ipairs(outer and inside(outer[1], SEQUENCE) or {}) do
		local kind = general_names[item.tag]
		if kind then
			found[kind] = found[kind] or {}
			table.insert(found[kind], kind == "iPAddress"
				and ip_text(item.data) or item.data)
		end
	end
	return found
end

-- The alternative names of the subject, as LuaSec has them:
-- extensions()["2.5.29.17"].dNSName[1].
function methods:extensions()
	local found = {}
	local list = fields(self).extensions
	for _, item in ipairs(list and inside(list[1], SEQUENCE) or {}) do
		local parts = inside(item, SEQUENCE) or {}
		-- The flag "critical" may stand between.
		local value = parts[#parts]
		if value and oid_of(parts[1]) == ALTERNATIVE_NAME then
			found[ALTERNATIVE_NAME] = alternative_names(value.data)
		end
	end
	return found
end

local function modulus_bits(key)
	local outer = der.list(key.data:sub(2))
	local numbers = outer and inside(outer[1], SEQUENCE)
	local modulus = numbers and numbers[1]
	if not modulus then
		return 0
	end
	local digits = modulus.data:gsub("^%z+", "")
	local bits, top = #digits * 8, digits:byte(1) or 0
	while #digits > 0 and top < 128 do
		bits, top = bits - 1, top * 2
	end
	return bits
end

-- The public key in PEM, "RSA", "EC" or "Unknown", and its size in bits.
function methods:pubkey()
	local spki = fields(self).spki
	local parts = inside(spki, SEQUENCE)
	local algorithm = parts and inside(parts[1], SEQUENCE)
	if not algorithm or not parts[2] then
		return nil
	end
	local oid = oid_of(algorithm[1])
	local kind, bits = "Unknown", 0
	if oid == "1.2.840.113549.1.1.1" then
		kind, bits = "RSA", modulus_bits(parts[2])
	elseif oid == "1.2.840.10045.2.1" then
		kind, bits = "EC", curve_bits[oid_of(algorithm[2])] or 0
	end
	return pem.encode(spki.whole, "PUBLIC KEY"), kind, bits
end

-- issued(other [, between …]): true if this certificate has issued that one,
-- by way of those between; else nil and why not.
function methods:issued(other, ...)
	local data = {}
	for _, one in ipairs { ... } do
		data[#data + 1] = one.data
	end
	local issued, why = core.certificate_issued(other.data, self.data,
		(unpack or table.unpack)(data))
	return issued or nil, why
end

function metatable:__tostring()
	return "X509 certificate: " .. self:digest()
end

return function(data)
	return setmetatable({ data = data }, metatable)
end
