-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- DER (X.690) read piece by piece. What is malformed gives nil; a length never
-- reaches beyond the bytes around it.

local der = {}

local LENGTH_MOST = 3 -- bytes of a length: certificates are smaller

-- Tag, and first and last byte of the contents, of the element that begins at
-- `first` and must end before or at `last`.
local function element(data, first, last)
	local tag, size = data:byte(first, first + 1)
	local from = first + 2
	if not size or from > last + 1 then
		return nil
	elseif size >= 128 then
		local count = size - 128
		if count < 1 or count > LENGTH_MOST or from + count > last + 1
		then
			return nil
		end
		size = 0
		for index = from, from + count - 1 do
			size = size * 256 + data:byte(index)
		end
		from = from + count
	end
	if from + size - 1 > last then
		return nil
	end
	return tag, from, from + size - 1
end

-- The elements in a constructed one, each as { tag, data, whole }: contents,
-- and contents with their header. nil if one is malformed.
function der.list(data)
	local found, first = {}, 1
	while first <= #data do
		local tag, from, to = element(data, first, #data)
		if not tag then
			return nil
		end
		found[#found + 1] = { tag = tag, data = data:sub(from, to),
			whole = data:sub(first, to) }
		first = to + 1
	end
	return found
end

-- Numbers in dotted form (X.690 8.19).
function der.oid(data)
	local numbers, value = {}, 0
	for index = 1, #data do
		local byte = data:byte(index)
		value = value * 128 + byte % 128
		if byte < 128 then
			numbers[#numbers + 1] = ("%.0f"):format(value)
			value = 0
		end
	end
	local head = tonumber(numbers[1])
	if not head then
		return nil
	end
	local arc = math.min(math.floor(head / 40), 2)
	numbers[1] = ("%d.%.0f"):format(arc, head - 40 * arc)
	return table.concat(numbers, ".")
end

-- Seconds since 1970, of a UTCTime or GeneralizedTime (RFC 5280 4.1.2.5);
-- behind them year, month, day, hour, minute, second.
function der.time(item)
	local digits = item.data:match("^(%d+)Z$")
	if not digits then
		return nil
	elseif item.tag == 23 and #digits == 12 then
		local century = digits:sub(1, 2) < "50" and "20" or "19"
		digits = century .. digits
	elseif item.tag ~= 24 or #digits ~= 14 then
		return nil
	end
	local year, month, day, hour, minute, second = digits:match(
		"^(....)(..)(..)(..)(..)(..)$")
	year, month, day = tonumber(year), tonumber(month), tonumber(day)
	hour, minute = tonumber(hour), tonumber(minute)
	second = tonumber(second)
	if month < 1 or month > 12 or day < 1 or day > 31 then
		return nil
	end
	-- Years that begin in March end with the leap day.
	local y = month <= 2 and year - 1 or year
	local m = (month + 9) % 12
	local days = 365 * y + math.floor(y / 4) - math.floor(y / 100)
		+ math.floor(y / 400) + math.floor((153 * m + 2) / 5) + day
		- 719469
	return ((days * 24 + hour) * 60 + minute) * 60 + second, year, month,
		day, hour, minute, second
end

return der
