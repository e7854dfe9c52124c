-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- The library's record of one object on a card, as a plain table:
--
--	applet      "iotsafe", "mias" or "mf"
--	type        "private", "public", "secret-key", "cert" or "data", as in
--	            names of objects
--	id, label   bytes as on the card; a label is mostly text, not always
--	flags       a set: flags.active, flags.sign, …
--	software    true for a private key that the card gives out
--	key_type    "P-256", …; "" for a file
--	algorithms  a list: "ecdsa-sha256", …
--	size        of a file
--	name        finds just this object

local core = require "iotsafe.core"

local flags = {
	active = core.OBJECT_ACTIVE,
	readable = core.OBJECT_READABLE,
	updatable = core.OBJECT_UPDATABLE,
	volatile = core.OBJECT_VOLATILE,
	certificate = core.OBJECT_CERTIFICATE,
	software = core.OBJECT_SOFTWARE,
	sign = core.OBJECT_SIGN,
	generate = core.OBJECT_GENERATE,
	agree = core.OBJECT_AGREE,
	derive = core.OBJECT_DERIVE,
	decrypt = core.OBJECT_DECRYPT,
}

local algorithms = {
	core.ECDSA_SHA256, core.ECDSA_SHA384, core.ECDSA_SHA512,
	core.RSA_PKCS1_SHA256, core.RSA_PKCS1_SHA384, core.RSA_PKCS1_SHA512,
	core.RSA_PSS_SHA256, core.RSA_PSS_SHA384, core.RSA_PSS_SHA512,
	core.RSA_PKCS1_SHA1, core.RSA_PKCS1_SHA224,
}

local types = {
	[core.CLASS_PRIVATE_KEY] = "private",
	[core.CLASS_PUBLIC_KEY] = "public",
	[core.CLASS_SECRET_KEY] = "secret-key",
	[core.CLASS_FILE] = "data",
}

-- Lua 5.1 has no operators for bits.
local function has(bits, bit)
	return math.floor(bits / bit) % 2 == 1
end

local function flag_set(bits)
	local set = {}
	for name, bit in pairs(flags) do
		if has(bits, bit) then
			set[name] = true
		end
	end
	return set
end

local function algorithm_names(bits)
	local names = {}
	for _, bit in ipairs(algorithms) do
		if has(bits, bit) then
			names[#names + 1] = core.algorithm_name(bit)
		end
	end
	return names
end

-- Frees the handle.
return function(handle)
	local record = {
		applet = core.object_applet(handle),
		type = types[core.object_class(handle)],
		id = core.object_id(handle),
		label = core.object_label(handle),
		flags = flag_set(core.object_flags(handle)),
		key_type = core.object_key_type(handle),
		algorithms = algorithm_names(core.object_algorithms(handle)),
		size = core.object_size(handle),
		name = core.object_name(handle),
	}
	if record.flags.certificate then
		record.type = "cert"
	end
	record.software = record.flags.software or false
	core.object_free(handle)
	return record
end
