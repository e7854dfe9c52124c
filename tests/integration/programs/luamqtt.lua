-- SPDX-License-Identifier: LGPL-2.1-or-later
-- MQTT 3.1.1 over LuaSocket with iotsafe.ssl, by the calls of luamqtt: what is
-- published comes back. Arguments: port, CA file.
local ssl = require "iotsafe.ssl"
local tcp = assert(require "socket".connect("127.0.0.1", arg[1]))
local tls = assert(ssl.wrap(tcp, { mode = "client", protocol = "any",
	cafile = arg[2], verify = "peer", server_name = "localhost" }))
assert(tls:dohandshake())

-- All of these packets are shorter than 128 bytes.
local function send(kind, body)
	assert(tls:send(string.char(kind, #body) .. body))
end

local function receive()
	local head = assert(tls:receive(2))
	return head:byte(), assert(tls:receive(head:byte(2)))
end

send(16, "\0\4MQTT\4\2\0\60\0\8device-7")
assert(receive() == 32) -- CONNACK
send(130, "\0\1\0\3a/b\0")
assert(receive() == 144) -- SUBACK
send(48, "\0\3a/bhello")
local kind, message = receive()
assert(kind == 48)
send(224, "")
tls:close()
print(message:sub(6))
