-- SPDX-License-Identifier: LGPL-2.1-or-later
-- lua-curl as its own documentation has it. Arguments: URL, CA file.
local curl = require "curl"
local request = curl.easy_init()
request:setopt(curl.OPT_URL, arg[1])
request:setopt(curl.OPT_CAINFO, arg[2])
request:setopt(curl.OPT_SSLCERT, "iotsafe:")
request:setopt(curl.OPT_SSLKEY, "iotsafe:")
request:setopt(curl.OPT_WRITEFUNCTION, function(text, size)
	io.write(text)
	return size
end)
request:perform()
