-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- DER to PEM and back (RFC 7468).

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	.. "0123456789+/"

local function digit(number, place)
	local index = math.floor(number / place) % 64 + 1
	return alphabet:sub(index, index)
end

-- Three bytes, or the last one or two, as four characters.
local function encode(group)
	local a, b, c = group:byte(1, 3)
	local number = a * 65536 + (b or 0) * 256 + (c or 0)
	return digit(number, 262144) .. digit(number, 4096)
		.. (b and digit(number, 64) or "=")
		.. (c and digit(number, 1) or "=")
end

local pem = {}

function pem.encode(der, label)
	label = label or "CERTIFICATE"
	local lines = { "-----BEGIN " .. label .. "-----" }
	for first = 1, #der, 48 do
		local line = der:sub(first, first + 47):gsub("..?.?", encode)
		lines[#lines + 1] = line
	end
	lines[#lines + 1] = "-----END " .. label .. "-----\n"
	return table.concat(lines, "\n")
end

local values = {}
for index = 1, #alphabet do
	values[alphabet:sub(index, index)] = index - 1
end

-- Up to four characters as up to three bytes.
local function decode(group)
	local number, count = 0, #group
	for index = 1, 4 do
		number = number * 64 + (values[group:sub(index, index)] or 0)
	end
	return string.char(math.floor(number / 65536),
		math.floor(number / 256) % 256, number % 256):sub(1, count - 1)
end

-- The bytes of the first block with that label; nil if there is none.
function pem.decode(text, label)
	label = label or "CERTIFICATE"
	local _, last = text:find("-----BEGIN " .. label .. "-----", 1, true)
	local stop = last and text:find("-----END", last, true)
	if not stop then
		return nil
	end
	local digits = text:sub(last + 1, stop - 1):gsub("[%s=]", "")
	if digits:find("[^%w+/]") then
		return nil
	end
	return (digits:gsub("..?.?.?", decode))
end

return pem
