-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- What the specifications need around them: directories, the openssl command
-- as a second opinion, and real servers. Everything is on loopback.

local iotsafe = require "iotsafe"
local socket = require "socket"

local support = {}
local undo = {} -- what clean() has to do, newest last

local sim = assert(os.getenv("IOTSAFE_SIM"), "IOTSAFE_SIM names no iotsafe-sim")

function support.quote(word)
	return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Runs a shell command; gives its output and exit status.
function support.run(command)
	local pipe = io.popen(command .. " 2>&1; printf '\nstatus %d' $?")
	local text = pipe:read("*a")
	pipe:close()
	local output, status = text:match("^(.*)\nstatus (%d+)$")
	return output, tonumber(status)
end

local function must(command)
	local output, status = support.run(command)
	assert(status == 0, command .. ": " .. output)
	return output
end

function support.read_file(path)
	local file = assert(io.open(path, "rb"))
	local data = file:read("*a")
	file:close()
	return data
end

function support.write_file(path, data)
	local file = assert(io.open(path, "wb"))
	file:write(data)
	file:close()
	return path
end

-- A directory that clean() removes.
function support.directory()
	local path = must("mktemp -d"):match("%S+")
	undo[#undo + 1] = function() must("rm -rf " .. support.quote(path)) end
	return path
end

-- Starts a program and waits for a line of it. Gives a function that ends it,
-- as clean() does, and its process id.
function support.start(command, awaited)
	local pipe = io.popen("echo $$; exec " .. command)
	local pid = assert(tonumber(pipe:read("*l")))
	local ended = false
	local function stop()
		if not ended then
			ended = true
			support.run("kill " .. pid)
			pipe:close()
		end
	end
	undo[#undo + 1] = stop
	for line in pipe:lines() do
		if line:find(awaited, 1, true) then
			return stop, pid
		end
	end
	error(command .. " ended")
end

-- Fails unless the call gave nil, a sentence and this code.
function support.fails(code, none, message, got)
	assert(none == nil and type(message) == "string" and message ~= "",
		"no failure")
	assert(got == iotsafe[code], ("%s instead of %s: %s"):format(
		iotsafe.error_name(got), code, message))
	return message
end

-- The same bytes, but the last.
function support.spoil(signature)
	local last = signature:byte(-1)
	return signature:sub(1, -2) .. string.char((last + 1) % 256)
end

function support.clean()
	while undo[1] do
		table.remove(undo)()
	end
end

-- A hash, as the openssl command makes it.
function support.digest(hash, data)
	local directory = support.directory()
	local input = support.write_file(directory .. "/data", data)
	local output = directory .. "/digest"
	must(("openssl dgst -%s -binary -out %s %s"):format(hash, output,
		input))
	return support.read_file(output)
end

-- True if the signature (DER) of the digest is by the public key (PEM).
function support.verifies(public_key, digest, signature)
	local directory = support.directory()
	support.write_file(directory .. "/key", public_key)
	support.write_file(directory .. "/digest", digest)
	support.write_file(directory .. "/signature", signature)
	local _, status = support.run("cd " .. directory .. " && "
		.. "openssl pkeyutl -verify -pubin -inkey key -in digest "
		.. "-sigfile signature")
	return status == 0
end

function support.hex(data)
	return (data:gsub(".", function(byte)
		return ("%02x"):format(byte:byte())
	end))
end

-- Runs the openssl command with these arguments in a directory of its own,
-- with files of these contents in it; gives the contents of its file "out".
function support.openssl(arguments, files)
	local directory = support.directory()
	for name, data in pairs(files or {}) do
		support.write_file(directory .. "/" .. name, data)
	end
	must(("cd %s && openssl %s"):format(directory, arguments))
	local file = io.open(directory .. "/out", "rb")
	return file and file:read("*a"), file and file:close()
end

-- A P-256 key of the openssl command's: PEM, and its public key in DER.
function support.host_key()
	local key = support.openssl("genpkey -algorithm EC "
		.. "-pkeyopt ec_paramgen_curve:P-256 -out out")
	return key, (support.openssl("pkey -in key -pubout -outform DER "
		.. "-out out", { key = key }))
end

-- What the openssl command says about a certificate (PEM or DER).
function support.x509(certificate, question)
	local path = support.directory() .. "/certificate"
	support.write_file(path, certificate)
	local form = certificate:find("^%-%-%-%-%-BEGIN") and "PEM" or "DER"
	return must(("openssl x509 -inform %s -in %s -noout %s"):format(
		form, path, question))
end

-- The software SIM's store, with a server's certificate and key beside it.
function support.store()
	local path = support.directory()
	must(("%s pki --store %s --name localhost"):format(sim, path))
	return path
end

local function free_port(kind)
	local probe = assert(kind == "udp" and socket.udp4() or socket.tcp4())
	assert((kind == "udp" and probe.setsockname or probe.bind)(
		probe, "127.0.0.1", 0))
	local _, port = probe:getsockname()
	probe:close()
	return tonumber(port)
end

-- gnutls-serv with these options. Gives the port, a function that reads what
-- it said, one that stops it, and its process id.
function support.serve(options, kind)
	local log = support.directory() .. "/log"
	local port = free_port(kind)
	local command = ("stdbuf -oL gnutls-serv --port %d %s"):format(port,
		options)
	if kind == "udp" then
		command = command .. " --udp"
	end
	local stop, pid = support.start(command .. " 2>&1 >" .. log, "done")
	return port, function() return support.read_file(log) end, stop, pid
end

-- The same with the store's certificate, requiring one of the store's clients.
function support.server(store, options, kind)
	local all = ("--x509certfile %s/server.pem "
		.. "--x509keyfile %s/server-key.pem "
		.. "--require-client-cert --verify-client-cert %s"):format(
		store, store, options)
	if not options:find("x509cafile", 1, true) then
		all = all .. (" --x509cafile %s/ca.pem"):format(store)
	end
	return support.serve(all, kind)
end

-- An HTTPS server that answers one request with the request itself, and closes.
-- Gives its port and a function that stops it.
function support.mirror(store)
	local port = free_port()
	local script = support.write_file(support.directory() .. "/answer", [[
printf 'HTTP/1.0 200 OK\r\n\r\n'
length=0
while read -r line; do
	printf '%s\n' "$line"
	case $line in
	[Cc]ontent-[Ll]ength:*) length=$(echo "$line" | tr -dc 0-9) ;;
	"$(printf '\r')") break ;;
	esac
done
head -c "$length"
]])
	return port, (support.start(("socat -d -d OPENSSL-LISTEN:%d,"
		.. "bind=127.0.0.1,cert=%s/server.pem,key=%s/server-key.pem,"
		.. "cafile=%s/ca.pem,verify=1 EXEC:'sh %s' 2>&1"):format(port,
		store, store, store, script), "listening on"))
end

-- A TLS server that asks for no certificate and runs a shell script for each
-- client. Gives its port.
function support.drip(store, script)
	local port = free_port()
	support.start(("socat -d -d OPENSSL-LISTEN:%d,bind=127.0.0.1,fork,"
		.. "cert=%s/server.pem,key=%s/server-key.pem,verify=0 "
		.. "SYSTEM:'sh %s' 2>&1"):format(port, store, store, script),
		"listening on")
	return port
end

-- A store of other authorities.
support.stranger = support.store

-- mosquitto, which takes nobody without a certificate of the store's clients
-- and calls each by the common name in it. Gives the port, a function that
-- reads its log, and one that stops it.
function support.mosquitto(store)
	local directory = support.directory()
	local port, log = free_port(), directory .. "/log"
	support.write_file(directory .. "/conf", ([[
listener %d 127.0.0.1
cafile %s/ca.pem
certfile %s/server.pem
keyfile %s/server-key.pem
require_certificate true
use_identity_as_username true
allow_anonymous true
log_dest stderr
log_dest file %s
user root
]]):format(port, store, store, store, log))
	local stop = support.start("mosquitto -v -c " .. directory
		.. "/conf 2>&1", "running")
	return port, function() return support.read_file(log) end, stop
end

-- A connected pair: a client socket, and the far end of it as a plain socket.
function support.pair()
	local listener = assert(socket.bind("127.0.0.1", 0))
	local _, port = listener:getsockname()
	local near = assert(socket.connect("127.0.0.1", port))
	local far = assert(listener:accept())
	listener:close()
	return near, far
end

return support
