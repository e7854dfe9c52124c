-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- DER in, PEM out (RFC 7468).

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

return function(der, label)
	label = label or "CERTIFICATE"
	local lines = { "-----BEGIN " .. label .. "-----" }
	for first = 1, #der, 48 do
		local line = der:sub(first, first + 47):gsub("..?.?", encode)
		lines[#lines + 1] = line
	end
	lines[#lines + 1] = "-----END " .. label .. "-----\n"
	return table.concat(lines, "\n")
end
