-- SPDX-License-Identifier: LGPL-2.1-or-later
-- drive.c in Lua.
local iotsafe = require "iotsafe"

local function hex(bytes)
	return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function octets(text)
	if text == "-" then
		return nil
	end
	return (text:gsub("%x%x", function(d)
		return string.char(tonumber(d, 16))
	end))
end

local function name(text)
	return text ~= "-" and text or nil
end

-- nil, sentence, code: ends the program.
local function need(value, sentence, code)
	if value == nil then
		print(iotsafe.error_name(code) .. "\t" .. sentence)
		os.exit(0)
	end
	return value
end

local modes = { ["0"] = nil, ["1"] = "full-text", ["2"] = "last-block",
	["3"] = "host" }

local operations = {
	info = function(card)
		for key, value in pairs(need(card:info())) do
			print(key .. "=" .. value)
		end
	end,
	list = function(card)
		for _, object in ipairs(need(card:list())) do
			print(object.name)
		end
	end,
	random = function(card, size) return card:random(tonumber(size)) end,
	["public-key"] = function(card, key) return card:public_key(name(key)) end,
	read = function(card, file) return card:read(file) end,
	sign = function(card, key, algorithm, mode, data)
		return need(card:key(name(key))):sign_data(
			algorithm, octets(data), modes[mode])
	end,
	verify = function(card, key, algorithm, mode, data, signature)
		need(card:verify_data(key, algorithm, octets(data),
			octets(signature), modes[mode]))
	end,
	mac = function(card, key, data) return card:mac(key, octets(data)) end,
	generate = function(card, key)
		return need(card:generate(name(key))):public_key()
	end,
	put = function(card, key, spki)
		need(card:put_public_key(key, octets(spki)))
		return card:public_key(key)
	end,
	agree = function(card, key, slot, spki)
		return need(card:key(name(key))):agree(octets(spki), name(slot))
	end,
	prf = function(card, key, secret, label, seed, size)
		return card:prf(label, octets(seed), tonumber(size), name(key),
			octets(secret))
	end,
	hkdf = function(card, algorithm, secret, salt)
		return card:hkdf_extract(algorithm, octets(secret), octets(salt))
	end,
}

local card = need(iotsafe.open())
local result, sentence, code =
	operations[arg[1]](card, (table.unpack or unpack)(arg, 2))
if sentence then
	need(nil, sentence, code)
end
print(result and hex(result) or "")
