-- How the days, hours and acts of a member are packed. Part of the script that apply.lua ends; members.py reads it, too.
--
-- A member's value: hours {count, newest (3 bytes), gaps}, days {newest (2 bytes), then for each day, newest first:
-- conversational acts, relational acts * 2 + participated, gap to the day before}; numbers from the acts on are varints.

-- Positions a ring remembers.
local RING_DAYS, RING_HOURS = 400, 96

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

local function read_hours(value)
  local hours, count = {}, byte(value, 1)
  if count == 0 then return hours, 2 end
  local a, b, c = byte(value, 2, 4)
  hours[1] = a + b * 256 + c * 65536
  for i = 2, count do hours[i] = hours[i - 1] - byte(value, 3 + i) end
  return hours, 4 + count
end

local function three_bytes(number) return char(number % 256, floor(number / 256) % 256, floor(number / 65536)) end

local function write_hours(hours)
  local newest, out = hours[1], {}
  if not newest then return '\0' end
  for i = 2, #hours do
    if newest - hours[i] >= RING_HOURS then break end
    out[#out + 1] = char(hours[i - 1] - hours[i])
  end
  return char(#out + 1) .. three_bytes(newest) .. concat(out)
end

-- Decodes days newest first, as far as an addition at `oldest_new` or later can reach; the rest stays packed.
local function read_days(value, at, oldest_new)
  local days = {day = {}, talk = {}, bond = {}, took_part = {}, rest = ''}
  if at > #value then return days end
  local low, high = byte(value, at, at + 1)
  local day, i = low + high * 256, 0
  at = at + 2
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
