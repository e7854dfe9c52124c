-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- The words and values of callers to those of the library. What has no
-- meaning gives nil, sentence, ERR_ARG, 0.

local core = require "iotsafe.core"

local RAW_SIZE = 64 -- r and s on the curves of IoT SAFE
local DER_MOST = 72 -- the longest ECDSA-Sig-Value of them

local words = {}

local function unknown(sentence, word)
	return nil, sentence:format(tostring(word)), core.ERR_ARG, 0
end

function words.algorithm(name)
	local bits = core.algorithm_from_name(name)
	if bits == 0 then
		return unknown("no algorithm is called %q", name)
	end
	return bits
end

local modes = {
	["host"] = core.MODE_HOST,
	["full-text"] = core.MODE_FULL_TEXT,
	["last-block"] = core.MODE_LAST_BLOCK,
}

local function mode_number(name)
	local mode = modes[name == nil and "host" or name]
	if not mode then
		return unknown("no mode is called %q", name)
	end
	return mode
end

local function form_word(name)
	if name ~= nil and name ~= "der" and name ~= "raw" then
		return unknown("no form of a signature is called %q", name)
	end
	return name or "raw"
end

-- What describes a signature: bits of the algorithm, mode, form.
function words.signing(algorithm, mode, form)
	local bits, message, code, status = words.algorithm(algorithm)
	if not bits then
		return nil, message, code, status
	end
	mode, message, code, status = mode_number(mode)
	if not mode then
		return nil, message, code, status
	end
	form, message, code, status = form_word(form)
	if not form then
		return nil, message, code, status
	end
	return bits, mode, form
end

-- A list as the library takes it: one string, joined by commas.
function words.list(value)
	if type(value) ~= "table" then
		return value
	end
	for _, word in ipairs(value) do
		if word:find(",", 1, true) then
			return unknown("a comma in one of several words: %q",
				word)
		end
	end
	return table.concat(value, ",")
end

-- A signature as the card takes it: that of an RSA key as it is; one in DER,
-- which two numbers of a curve never fill to 64 bytes in practice, as those
-- two numbers.
function words.signature(signature)
	if #signature > DER_MOST or #signature == RAW_SIZE
	   or signature:byte() ~= 48 then
		return signature
	end
	return core.signature_from_der(signature, RAW_SIZE / 2)
end

return words
