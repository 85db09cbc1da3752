-- The last hours of a community. Part of the script that apply.lua ends; hours.py reads it.
--
-- The rows of a batch are appended as they come, and nothing is read for it. Once there are many, they are summed with what
-- has been summed before, and what is too old is left out. Sums that have become large are put aside and never summed
-- again, so that a script never takes long, however many are active in a community.
--
-- log      [255, length of the sums (4 bytes), sums] rows
-- aside    list of sums, those put aside first at its head: newest hour (3 characters), sums
-- sums     msgpack {{hour * 32 + column, amount, …}, {member, hours, …}}
--          hours: the newest (3 characters), then the gap to the one before, a character each

local HOURS_REMEMBERED, SUMS = 96, 255
-- Rows are summed once they take so many times what the sums take: each time all sums are read and written. Whether they
-- do is looked at when the log grows past another so many bytes.
local ROWS_TO_SUMS, LOOK_EVERY_BYTES = 3, 512
-- Sums of more bytes are put aside: those of ten thousand members or so.
local LARGE_BYTES = 262144

local function hour_of(text, at)
  local high, middle, low = byte(text, at, at + 2)
  return high * 16384 + middle * 128 + low
end

-- Puts an hour older than the newest, by `age`, in its place.
local function with_late_hour(hours, age)
  local before, place = 0, 4
  while place <= #hours do
    local after = before + byte(hours, place)
    if after == age then return hours end
    if after > age then
      return sub(hours, 1, place - 1) .. char(age - before, after - age) .. sub(hours, place + 1)
    end
    before, place = after, place + 1
  end
  return age < HOURS_REMEMBERED and hours .. char(age - before) or hours
end

-- The hours of a member, with that of the row at `at`.
local function with_hour(hours, hour, raw, at)
  if not hours then return sub(raw, at + 1, at + 3) end
  local gap = hour - hour_of(hours, 1)
  if gap == 0 then return hours end
  if gap < 0 then return with_late_hour(hours, -gap) end
  local newest = sub(raw, at + 1, at + 3)
  return gap < HOURS_REMEMBERED and newest .. char(gap) .. sub(hours, 4) or newest
end

local function add_row(raw, at, counts, members)
  local place, hour, rest, amount = byte(raw, at) - FIRST_WHAT, hour_of(raw, at + 1), sub(raw, at + 4, at + 14), 1
  if place < AMOUNTS then members[rest] = with_hour(members[rest], hour, raw, at)
  else amount = tonumber(rest) end
  local key = hour * 32 + place % KINDS_ROOM
  counts[key] = (counts[key] or 0) + amount
end

-- Pairs of a list -> table.
local function table_of(list)
  local found = {}
  for i = 1, #list, 2 do found[list[i]] = list[i + 1] end
  return found
end

local function put_aside(key, newest, packed)
  call('RPUSH', key, char(floor(newest / 16384), floor(newest / 128) % 128, newest % 128) .. packed)
end

local function drop_aside(key, horizon)
  local oldest = call('LINDEX', key, 0)
  while oldest and hour_of(oldest, 1) <= horizon do
    call('LTRIM', key, 1, -1)
    oldest = call('LINDEX', key, 0)
  end
end

-- Sums all rows of a log that begin after its first `length` bytes.
local function sum_log(key, aside_key, length)
  local raw, counts, members, newest = call('GET', key), {}, {}, 0
  if length > 0 then
    local sums = cmsgpack.unpack(sub(raw, 6, length))
    counts, members = table_of(sums[1]), table_of(sums[2])
  end
  for at = length + 1, #raw, ROW do add_row(raw, at, counts, members) end
  for place in pairs(counts) do newest = math.max(newest, floor(place / 32)) end
  local horizon, kept_counts, kept_members = newest - HOURS_REMEMBERED, {}, {}
  for place, amount in pairs(counts) do
    if floor(place / 32) > horizon then
      kept_counts[#kept_counts + 1] = place
      kept_counts[#kept_counts + 1] = amount
    end
  end
  for member, hours in pairs(members) do
    if hour_of(hours, 1) > horizon then
      kept_members[#kept_members + 1] = member
      -- Every gap is an hour at least, so what follows so many is too old.
      kept_members[#kept_members + 1] = sub(hours, 1, 3 + HOURS_REMEMBERED)
    end
  end
  drop_aside(aside_key, horizon)
  local packed = cmsgpack.pack({kept_counts, kept_members})
  if #packed > LARGE_BYTES then
    put_aside(aside_key, newest, packed)
    call('DEL', key)
  else call('SET', key, char(SUMS) .. struct.pack('<I4', #packed) .. packed) end
end

local function add_hours(prefix, id, rows)
  local key = prefix .. 'h:' .. id
  local length = call('APPEND', key, rows)
  if floor(length / LOOK_EVERY_BYTES) == floor((length - #rows) / LOOK_EVERY_BYTES) then return end
  local head, sums_end = call('GETRANGE', key, 0, 4), 0
  if byte(head) == SUMS then sums_end = 5 + struct.unpack('<I4', head, 2) end
  if length - sums_end >= math.max(LOOK_EVERY_BYTES, ROWS_TO_SUMS * sums_end) then
    sum_log(key, prefix .. 'o:' .. id, sums_end)
  end
end
