-- Adds one batch of one partition to one shard, and moves the fence, in one atomic step.
--
-- KEYS[1]  hash of fences: partition -> next offset this shard will take
-- ARGV     1 key prefix of the shard, 2 partition, 3 first offset, 4 next offset, 5 payload (msgpack), 6 the fence that
--          the caller has seen here (-1 none)
-- payload  network -> community -> {name, counts, members, line}
--          counts  (day * 2^24 + hour) * 32 + column -> amount       members  pseudonym -> {day * 2^24 + hour -> acts}
-- returns  {0, fence} applied, {1, fence} counted before, {2, fence} straddles the fence: trim and send again,
--          {3, fence} the fence went back: what lies between was lost, and this batch would hide it
--
-- Rings (columns.py says what the columns are): header of 48 bytes: version, width of a number in bytes, columns, their
-- ids, and from byte 36 base, head, first position (4 bytes each); then one record a position at (position - base) % size.
-- A ring widens, and takes up a column, when it must; so a quiet community stays small. Four bytes are the most: a
-- number stays at 4294967295, since an error here would leave half a batch counted and no fence moved.

local call, byte, char, sub, rep = redis.call, string.byte, string.char, string.sub, string.rep
local floor, insert, concat = math.floor, table.insert, table.concat

local HEADER, VERSION = 48, 1
local RING_DAYS, RING_HOURS = 400, 96
local LIMIT = {[1] = 255, [2] = 65535, [4] = 4294967295}
local CODE = {[1] = 'B', [2] = 'I2', [4] = 'I4'}
-- {width, arrivals column, stays column}
local DAY_WINDOWS = {{7, 16, 17}, {28, 18, 19}, {91, 20, 21}, {365, 22, 23}}
local PARTICIPANT_WINDOWS = {{7, 24, 25}}
local HOUR_WINDOWS = {{24, 27, 28}}
local HOUR_ACTIVE = 26
local PARTICIPANT_ARRIVALS, PARTICIPANT_STAYS = 24, 25
local BOT, NETWORK_ACTIVITIES = 14, 29

-- ---------------------------------------------------------------------------------------------------- rings

local function shape(ring)
  ring.record = #ring.columns * ring.width
  ring.format = '<' .. rep(CODE[ring.width], #ring.columns)
  ring.place = {}
  for i, column in ipairs(ring.columns) do ring.place[column] = i end
end

local function open_ring(key, size)
  local ring = {key = key, size = size, columns = {}, width = 1}
  local header = call('GETRANGE', key, 0, HEADER - 1)
  if #header == HEADER then
    local _, width, count = byte(header, 1, 3)
    ring.width = width
    ring.columns = {byte(header, 4, 3 + count)}
    ring.base, ring.head, ring.first = struct.unpack('<I4I4I4', header, 37)
  end
  shape(ring)
  return ring
end

local function header_of(ring)
  local ids = char(unpack(ring.columns))
  return char(VERSION, ring.width, #ring.columns) .. ids .. rep('\0', 33 - #ids)
    .. struct.pack('<I4I4I4', ring.base, ring.head, ring.first)
end

-- Rewrites the whole ring with other columns or a greater width.
local function lay_out_anew(ring, columns, width)
  local old_format, old_record, old_columns = ring.format, ring.record, ring.columns
  ring.columns, ring.width = columns, width
  shape(ring)
  local body = call('GETRANGE', ring.key, HEADER, -1)
  local empty_old, empty_new = rep('\0', old_record), rep('\0', ring.record)
  local parts = {header_of(ring)}
  for offset = 1, #body, old_record do
    local raw = sub(body, offset, offset + old_record - 1)
    if raw == empty_old then
      parts[#parts + 1] = empty_new
    else
      local old, new = {struct.unpack(old_format, raw)}, {}
      for i = 1, #columns do new[i] = 0 end
      for i, column in ipairs(old_columns) do new[ring.place[column]] = old[i] end
      parts[#parts + 1] = struct.pack(ring.format, unpack(new))
    end
  end
  call('SET', ring.key, concat(parts))
end

local function take_up_columns(ring, changes)
  local columns, known = {}, {}
  for i, column in ipairs(ring.columns) do columns[i] = column; known[column] = true end
  local fresh = {}
  for _, amounts in pairs(changes) do
    for column in pairs(amounts) do
      if not known[column] then known[column] = true; fresh[#fresh + 1] = column end
    end
  end
  if #fresh == 0 then return end
  table.sort(fresh)
  for _, column in ipairs(fresh) do columns[#columns + 1] = column end
  if ring.base then lay_out_anew(ring, columns, ring.width) else ring.columns = columns; shape(ring) end
end

-- Positions between the old and the new head held what happened a whole ring ago.
local function clear_ahead(ring, newest, oldest)
  if newest - ring.head >= ring.size then
    ring.base, ring.head = math.max(oldest, newest - ring.size + 1), newest
    call('SET', ring.key, header_of(ring))
    return
  end
  local length, from, count = call('STRLEN', ring.key), (ring.head + 1 - ring.base) % ring.size, newest - ring.head
  while count > 0 do
    local run = math.min(count, ring.size - from)
    local start = HEADER + from * ring.record
    local stop = math.min(length, start + run * ring.record)
    if stop > start then call('SETRANGE', ring.key, start, rep('\0', stop - start)) end
    from, count = 0, count - run
  end
  ring.head = newest
end

local function add_record(ring, position, amounts)
  local start = HEADER + ((position - ring.base) % ring.size) * ring.record
  local raw = call('GETRANGE', ring.key, start, start + ring.record - 1)
  if #raw < ring.record then raw = raw .. rep('\0', ring.record - #raw) end
  local values, greatest = {struct.unpack(ring.format, raw)}, 0
  for column, amount in pairs(amounts) do
    local i = ring.place[column]
    local value = math.min(values[i] + amount, LIMIT[4])
    values[i] = value
    if value > greatest then greatest = value end
  end
  if greatest > LIMIT[ring.width] then
    local width = ring.width
    while greatest > LIMIT[width] do width = width * 2 end
    lay_out_anew(ring, ring.columns, width)
    start = HEADER + ((position - ring.base) % ring.size) * ring.record
  end
  call('SETRANGE', ring.key, start, struct.pack(ring.format, unpack(values, 1, #ring.columns)))
end

-- Returns true where the ring was made by this call.
local function add_to_ring(key, size, changes)
  local newest, oldest
  for position in pairs(changes) do
    if not newest or position > newest then newest = position end
    if not oldest or position < oldest then oldest = position end
  end
  if not newest then return false end
  local ring = open_ring(key, size)
  take_up_columns(ring, changes)
  local made = not ring.base
  if made then
    ring.base, ring.head, ring.first = math.max(oldest, newest - size + 1), newest, oldest
    call('SET', key, header_of(ring))
  else
    local changed = newest > ring.head or oldest < ring.first
    if oldest < ring.first then ring.first = oldest end
    if newest > ring.head then clear_ahead(ring, newest, oldest) end
    if changed then call('SETRANGE', key, 0, header_of(ring)) end
  end
  for position, amounts in pairs(changes) do
    if position > ring.head - size then add_record(ring, position, amounts) end
  end
  return made
end

local function bump(changes, position, column, amount)
  local amounts = changes[position]
  if not amounts then amounts = {}; changes[position] = amounts end
  amounts[column] = (amounts[column] or 0) + amount
end

-- ---------------------------------------------------------------------------------------------------- members
-- A member's value: hours {count, newest (3 bytes), gaps}, days {newest (2 bytes), then for each day, newest first:
-- conversational acts, relational acts * 2 + participated, gap to the day before}; numbers from the acts on are varints.

-- The same as insert_active in rolling.py; `positions` is newest first here.
local function insert_active(positions, new, windows, changes)
  local i = 1
  while positions[i] and positions[i] > new do i = i + 1 end
  local before, after = positions[i], positions[i - 1]
  insert(positions, i, new)
  for _, window in ipairs(windows) do
    local width, arrivals, stays = window[1], window[2], window[3]
    local far_before = not before or new - before > width
    local far_after = not after or after - new > width
    local was_apart = not before or not after or after - before > width
    if far_before then bump(changes, new, arrivals, 1) end
    if far_after then bump(changes, new, stays, 1) end
    if after and not far_after and was_apart then bump(changes, after, arrivals, -1) end
    if before and not far_before and was_apart then bump(changes, before, stays, -1) end
  end
  return i
end

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

local function write_hours(hours)
  local newest, out = hours[1], {}
  if not newest then return '\0' end
  for i = 2, #hours do
    if newest - hours[i] >= RING_HOURS then break end
    out[#out + 1] = char(hours[i - 1] - hours[i])
  end
  return char(#out + 1, newest % 256, floor(newest / 256) % 256, floor(newest / 65536)) .. concat(out)
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

local function write_days(days)
  local newest = days.day[1]
  local out = {char(newest % 256, floor(newest / 256))}
  for i, day in ipairs(days.day) do
    -- Older than any window can reach, and so is all that is still packed.
    if newest - day > RING_DAYS then days.rest = ''; break end
    if i > 1 then out[#out + 1] = varint(days.day[i - 1] - day) end
    out[#out + 1] = varint(days.talk[i])
    out[#out + 1] = varint(days.bond[i] * 2 + (days.took_part[i] and 1 or 0))
  end
  return concat(out) .. days.rest
end

local function add_day(days, taking_part, day, acts, changes)
  local talk, bond, took_part = acts % 65536, floor(acts / 65536) % 65536, acts >= 4294967296
  local i = 1
  while days.day[i] and days.day[i] > day do i = i + 1 end
  if days.day[i] == day then
    days.talk[i], days.bond[i] = days.talk[i] + talk, days.bond[i] + bond
    if took_part and not days.took_part[i] then
      days.took_part[i] = true
      insert_active(taking_part, day, PARTICIPANT_WINDOWS, changes)
    end
    return
  end
  insert_active(days.day, day, DAY_WINDOWS, changes)
  insert(days.talk, i, talk)
  insert(days.bond, i, bond)
  insert(days.took_part, i, took_part)
  if took_part then insert_active(taking_part, day, PARTICIPANT_WINDOWS, changes) end
end

local function add_to_member(value, slots, day_changes, hour_changes)
  local by_day, fresh_days, fresh_hours = {}, {}, {}
  for slot, acts in pairs(slots) do
    local day, hour = floor(slot / 16777216), slot % 16777216
    local had = by_day[day]
    if not had then fresh_days[#fresh_days + 1] = day end
    by_day[day] = (had or 0) + acts
    fresh_hours[#fresh_hours + 1] = hour
  end
  table.sort(fresh_days)
  table.sort(fresh_hours)

  local hours, at = {}, 1
  if value then hours, at = read_hours(value) end
  local seen = {}
  for _, hour in ipairs(hours) do seen[hour] = true end
  for _, hour in ipairs(fresh_hours) do
    if not seen[hour] and not (hours[1] and hours[1] - hour >= RING_HOURS) then
      seen[hour] = true
      bump(hour_changes, hour, HOUR_ACTIVE, 1)
      insert_active(hours, hour, HOUR_WINDOWS, hour_changes)
    end
  end

  local oldest_new, newest_new = fresh_days[1], fresh_days[#fresh_days]
  local days = {day = {}, talk = {}, bond = {}, took_part = {}, rest = ''}
  if value then
    local low, high = byte(value, at, at + 1)
    -- Once in 32 days everything is decoded, so that days which no window can reach are dropped.
    if floor(newest_new / 32) > floor((low + high * 256) / 32) then days = read_days(value, at, 0)
    else days = read_days(value, at, oldest_new) end
  end
  local taking_part = {}
  for i, day in ipairs(days.day) do
    if days.took_part[i] then taking_part[#taking_part + 1] = day end
  end
  for _, day in ipairs(fresh_days) do add_day(days, taking_part, day, by_day[day], day_changes) end
  return write_hours(hours) .. write_days(days)
end

local MEMBERS_A_CALL = 1000

local function add_members(key, members, day_changes, hour_changes)
  local names = {}
  for name in pairs(members) do names[#names + 1] = name end
  for start = 1, #names, MEMBERS_A_CALL do
    local stop = math.min(#names, start + MEMBERS_A_CALL - 1)
    local values, writes = call('HMGET', key, unpack(names, start, stop)), {}
    for i = start, stop do
      writes[#writes + 1] = names[i]
      writes[#writes + 1] = add_to_member(values[i - start + 1], members[names[i]], day_changes, hour_changes)
    end
    call('HSET', key, unpack(writes))
  end
end

-- ---------------------------------------------------------------------------------------------------- the step

local prefix, partition, first_offset, next_offset = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local fence = tonumber(call('HGET', KEYS[1], partition) or '-1')
if fence < tonumber(ARGV[6]) then return {3, fence} end
if fence >= next_offset then return {1, fence} end
if fence > first_offset then return {2, fence} end

for network, communities in pairs(cmsgpack.unpack(ARGV[5])) do
  local network_changes = {}
  for community, delta in pairs(communities) do
    local id = network .. '/' .. community
    local day_changes, hour_changes = {}, {}
    for key, amount in pairs(delta[2]) do
      local column, slot = key % 32, floor(key / 32)
      local day = floor(slot / 16777216)
      bump(day_changes, day, column, amount)
      if column <= BOT then bump(network_changes, day, NETWORK_ACTIVITIES, amount) end
      bump(hour_changes, slot % 16777216, column, amount)
    end
    if next(delta[3]) then add_members(prefix .. 'm:' .. id, delta[3], day_changes, hour_changes) end
    for position, amounts in pairs(day_changes) do
      for _, column in ipairs({PARTICIPANT_ARRIVALS, PARTICIPANT_STAYS}) do
        if amounts[column] then bump(network_changes, position, column, amounts[column]) end
      end
    end
    local made = add_to_ring(prefix .. 'd:' .. id, RING_DAYS, day_changes)
    add_to_ring(prefix .. 'h:' .. id, RING_HOURS, hour_changes)
    if delta[1] ~= '' then call('HSET', prefix .. 'c:' .. network, community, delta[1])
    elseif made then call('HSETNX', prefix .. 'c:' .. network, community, '') end
    if delta[4] ~= '' then call('HSET', prefix .. 'l:' .. network, community, delta[4]) end
    if made then call('SADD', prefix .. 'networks', network) end
  end
  add_to_ring(prefix .. 'n:' .. network, RING_DAYS, network_changes)
end

call('HSET', KEYS[1], partition, next_offset)
return {0, next_offset}
