-- How the days and acts of a member are packed. Part of the script that apply.lua ends; members.py reads it, too.
--
-- A member's value: newest day (2 bytes), then for each day, newest first: conversational acts, relational acts * 2 +
-- participated, gap to the day before; numbers from the acts on are varints.

local function varint(number)
  local out = ''
  while number >= 128 do out = out .. char(number % 128 + 128); number = floor(number / 128) end
  return out .. char(number)
end

local function read_varint(value, at)
  local number, scale = 0, 1
  while true do
    local b = byte(value, at)
    at = at + 1
    if b < 128 then return number + b * scale, at end
    number, scale = number + (b - 128) * scale, scale * 128
  end
end

-- Decodes days newest first, as far as an addition at `oldest_new` or later can reach; the rest stays packed.
local function read_days(value, oldest_new)
  local days = {day = {}, talk = {}, bond = {}, took_part = {}, rest = ''}
  local low, high = byte(value, 1, 2)
  local day, i, at = low + high * 256, 0, 3
  while true do
    i = i + 1
    local talk, bond
    talk, at = read_varint(value, at)
    bond, at = read_varint(value, at)
    days.day[i], days.talk[i] = day, talk
    days.bond[i], days.took_part[i] = floor(bond / 2), bond % 2 == 1
    if at > #value then return days end
    if day < oldest_new and (days.took_part[i] or oldest_new - day > 7) then
      days.rest = sub(value, at)
      return days
    end
    local gap
    gap, at = read_varint(value, at)
    day = day - gap
  end
end

local function pack_acts(talk, bond, took_part) return varint(talk) .. varint(bond * 2 + (took_part and 1 or 0)) end

local function write_days(days)
  local newest = days.day[1]
  local out = {char(newest % 256, floor(newest / 256))}
  for i, day in ipairs(days.day) do
    -- Older than any window can reach, and so is all that is still packed.
    if newest - day > RING_DAYS then days.rest = ''; break end
    if i > 1 then out[#out + 1] = varint(days.day[i - 1] - day) end
    out[#out + 1] = pack_acts(days.talk[i], days.bond[i], days.took_part[i])
  end
  return concat(out) .. days.rest
end
