-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- Turns records, as they come from the peer, into what a pattern of
-- LuaSocket's asks for. Bytes beyond it stay in a buffer.
--
-- A reader puts what it gets behind `parts` and returns true when the pattern
-- is satisfied, else false and why `more` gave nothing.

local core = require "iotsafe.core"

local pattern = {}

function pattern.buffer()
	return { data = "", first = 1 }
end

function pattern.empty(buffer)
	return buffer.first > #buffer.data
end

-- Takes bytes off the buffer, up to a place or all of them.
local function take(buffer, last)
	last = last or #buffer.data
	local piece = buffer.data:sub(buffer.first, last)
	buffer.first = last + 1
	return piece
end

local function fill(buffer, more)
	if not pattern.empty(buffer) then
		return true
	end
	local data, message, code = more()
	if not data then
		return false, message, code
	end
	buffer.data, buffer.first = data, 1
	return true
end

-- Without the line feed, and without any carriage return in the line.
local function read_line(buffer, parts, more)
	while true do
		local filled, message, code = fill(buffer, more)
		if not filled then
			return false, message, code
		end
		local stop = buffer.data:find("\n", buffer.first, true)
		local piece = take(buffer, stop):gsub("[\r\n]", "")
		parts[#parts + 1] = piece
		if stop then
			return true
		end
	end
end

-- What the prefix holds counts too.
local function read_size(buffer, parts, more, size)
	local left = size - #parts[1]
	while left > 0 do
		local filled, message, code = fill(buffer, more)
		if not filled then
			return false, message, code
		end
		local last = math.min(buffer.first + left - 1, #buffer.data)
		local piece = take(buffer, last)
		parts[#parts + 1] = piece
		left = left - #piece
	end
	return true
end

-- The end of the connection ends it well, if there was anything before.
local function read_all(buffer, parts, more)
	while true do
		local filled, message, code = fill(buffer, more)
		if not filled then
			local closed = code == core.ERR_CLOSED
			return closed and #parts > 1, message, code
		end
		parts[#parts + 1] = take(buffer)
	end
end

local function read_datagram(_, parts, more, size)
	local data, message, code = more(size)
	parts[#parts + 1] = data
	return data ~= nil, message, code
end

local readers = { ["*l"] = read_line, ["*a"] = read_all }

-- The reader for a pattern, and the number of bytes if it is one; what is none
-- is an error of that level.
function pattern.find(what, datagram, level)
	local size = tonumber(what)
	if datagram and (size or what == nil) then
		return read_datagram, size
	elseif size and size >= 0 then
		return read_size, math.floor(size)
	end
	-- Its first two characters count, as with LuaSocket: "*line".
	local reader = not datagram and readers[what == nil and "*l"
		or tostring(what):sub(1, 2)]
	if not reader then
		error("bad argument #1 to 'receive' (invalid receive pattern)",
			level)
	end
	return reader
end

return pattern
