-- Rings of days. Part of the script that apply.lua ends.
--
-- A ring (columns.py says what the columns are): header of 48 bytes: version, width of a number in bytes, columns, their
-- ids, and from byte 36 base, head, first position (4 bytes each); then one record a position at (position - base) % RING_DAYS.
-- A ring widens, and takes up a column, when it must; so a quiet community stays small. Four bytes are the most: a
-- number stays at 4294967295, since an error here would leave half a batch counted and no fence moved.

local call, char, rep, gsub = redis.call, string.char, string.rep, string.gsub
local floor, insert, concat, sort = math.floor, table.insert, table.concat, table.sort

-- Days a ring remembers.
local RING_DAYS = 400
local HEADER, VERSION, IDS_ROOM, LAST_COLUMN = 48, 1, 33, 29
local LIMIT = {[1] = 255, [2] = 65535, [4] = 4294967295}
local CODE = {[1] = 'B', [2] = 'I2', [4] = 'I4'}
-- A run is read and written with one command each: as many numbers as Lua can take from its stack, and positions so
-- near to one another that what lies between costs less than another command.
local RUN_NUMBERS, NEAR = 1000, 4
-- A ring of so many bytes is read whole, and written whole with what has changed: two commands instead of six.
local IN_HAND = 768
-- A greater one is written whole when it needs room, for so many positions at once: Redis gives a string that grows by
-- itself as much room again.
local ROOM = 16

-- What is added to one position: column -> amount. Made whole, since a table that grows is allocated again and again.
local function amounts_at(changes, position)
  local amounts = changes[position]
  if not amounts then
    amounts = {[0] = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
    changes[position] = amounts
  end
  return amounts
end

-- `body` is all that follows the header; nil where only parts of it are read and written. One not yet made has no base.
local function open_ring(key)
  local raw = call('GETRANGE', key, 0, IN_HAND - 1)
  local body, ids, columns, width, count, base, head, first = nil, '', nil, 1, 0, nil, nil, nil
  if #raw < IN_HAND then body = sub(raw, HEADER + 1) end
  if #raw >= HEADER then
    width, count = byte(raw, 2, 3)
    ids, columns = sub(raw, 4, 3 + IDS_ROOM), {byte(raw, 4, 3 + count)}
    base, head, first = struct.unpack('<I4I4I4', raw, 37)
  end
  return {
    key = key, body = body, ids = ids, columns = columns or {}, width = width, record = count * width,
    base = base, head = head, first = first,
  }
end

local function header_of(ring)
  return char(VERSION, ring.width, #ring.columns) .. ring.ids
    .. struct.pack('<I4I4I4', ring.base, ring.head, ring.first)
end

local function close_ring(ring, is_header_changed)
  if ring.body then call('SET', ring.key, header_of(ring) .. ring.body)
  elseif is_header_changed then call('SETRANGE', ring.key, 0, header_of(ring)) end
end

-- `start` counts from 0 in the body; what lies beyond its end is zero.
local function read_bytes(ring, start, length)
  local raw
  if ring.body then raw = sub(ring.body, start + 1, start + length)
  else raw = call('GETRANGE', ring.key, HEADER + start, HEADER + start + length - 1) end
  return #raw < length and raw .. rep('\0', length - #raw) or raw
end

local function write_bytes(ring, start, raw)
  local body = ring.body
  if not body then call('SETRANGE', ring.key, HEADER + start, raw)
  elseif start < #body then ring.body = sub(body, 1, start) .. raw .. sub(body, start + #raw + 1)
  else ring.body = body .. rep('\0', start - #body) .. raw end
end

local function take_in_hand(ring)
  ring.body = ring.body or call('GETRANGE', ring.key, HEADER, -1)
end

-- Column -> the number of the ring that had it last: one table for all, without anything to clear.
local column_in, ring_number = {}, 0

local function take_up_columns(ring, changes)
  local columns, before = ring.columns, #ring.columns
  ring_number = ring_number + 1
  for i = 1, before do column_in[columns[i]] = ring_number end
  for _, amounts in pairs(changes) do
    for column = 0, LAST_COLUMN do
      if amounts[column] ~= 0 and column_in[column] ~= ring_number then
        column_in[column] = ring_number
        columns[#columns + 1] = column
      end
    end
  end
  local fresh = #columns - before
  if fresh == 0 then return end
  local ids = {unpack(columns, before + 1)}
  sort(ids)
  for i, column in ipairs(ids) do columns[before + i] = column end
  ring.ids = char(unpack(columns)) .. rep('\0', IDS_ROOM - #columns)
  if ring.record > 0 then
    take_in_hand(ring)
    ring.body = gsub(ring.body, rep('.', ring.record), '%0' .. rep('\0', fresh * ring.width))
  end
  ring.record = #columns * ring.width
end

local function format_of(ring) return rep(CODE[ring.width], #ring.columns) end

local function widen(ring)
  take_in_hand(ring)
  local old_format, old_record, body, parts = '<' .. format_of(ring), ring.record, ring.body, {}
  ring.width, ring.record = ring.width * 2, ring.record * 2
  local format, empty_old, empty_new = '<' .. format_of(ring), rep('\0', old_record), rep('\0', ring.record)
  for offset = 1, #body, old_record do
    local raw = sub(body, offset, offset + old_record - 1)
    parts[#parts + 1] = raw == empty_old and empty_new or struct.pack(format, struct.unpack(old_format, raw))
  end
  ring.body = concat(parts)
end

-- Positions between the old and the new head held what happened a whole ring ago: nothing until the ring has come round
-- for the first time, but for days before its base, which lie at its end.
local function clear_ahead(ring, newest, oldest)
  if newest - ring.head >= RING_DAYS then
    ring.base, ring.head, ring.body = math.max(oldest, newest - RING_DAYS + 1), newest, ''
    return
  end
  local positions, length = newest - ring.base + 1, ring.body and #ring.body or call('STRLEN', ring.key) - HEADER
  if positions <= RING_DAYS and not ring.body and length < positions * ring.record then
    take_in_hand(ring)
    ring.body = ring.body .. rep('\0', math.min(positions + ROOM, RING_DAYS) * ring.record - length)
  end
  if positions > RING_DAYS or ring.first < ring.base then
    local from, count = (ring.head + 1 - ring.base) % RING_DAYS, newest - ring.head
    while count > 0 do
      local run = math.min(count, RING_DAYS - from)
      local start = from * ring.record
      local stop = math.min(length, start + run * ring.record)
      if stop > start then write_bytes(ring, start, rep('\0', stop - start)) end
      from, count = 0, count - run
    end
  end
  ring.head = newest
end

-- Adds to `positions[from]` … `positions[to]`, which lie next to one another in the ring.
local function add_run(ring, positions, from, to, changes)
  local first, columns, width, greatest = positions[from], ring.columns, ring.width, 0
  local start, count = ((first - ring.base) % RING_DAYS) * ring.record, positions[to] - first + 1
  local raw, format, numbers = read_bytes(ring, start, count * ring.record), nil, nil
  if width == 1 then
    numbers = {byte(raw, 1, #raw)}
  else
    format = '<' .. rep(format_of(ring), count)
    numbers = {struct.unpack(format, raw)}
  end
  for n = from, to do
    local amounts, before = changes[positions[n]], (positions[n] - first) * #columns
    for place = 1, #columns do
      local amount = amounts[columns[place]]
      if amount ~= 0 then
        local number = numbers[before + place] + amount
        numbers[before + place] = number
        if number > greatest then greatest = number end
      end
    end
  end
  if greatest > LIMIT[width] then
    if width < 4 then
      widen(ring)
      return add_run(ring, positions, from, to, changes)
    end
    for i, number in ipairs(numbers) do numbers[i] = math.min(number, LIMIT[4]) end
  end
  if width == 1 then raw = char(unpack(numbers))
  else raw = struct.pack(format, unpack(numbers, 1, count * #columns)) end
  write_bytes(ring, start, raw)
end

-- From the first position that the ring remembers on.
local function add_runs(ring, positions, changes)
  local most, from = math.max(1, floor(RUN_NUMBERS / #ring.columns)), 1
  while from <= #positions and positions[from] <= ring.head - RING_DAYS do from = from + 1 end
  while from <= #positions do
    local to, first = from, positions[from]
    local wraps_at = first + RING_DAYS - (first - ring.base) % RING_DAYS
    while to < #positions do
      local next_one = positions[to + 1]
      if next_one - positions[to] > NEAR or next_one >= wraps_at or next_one - first >= most then break end
      to = to + 1
    end
    add_run(ring, positions, from, to, changes)
    from = to + 1
  end
end

-- `changes` is position -> column -> amount. Returns true where the ring was made by this call.
local function add_to_ring(key, changes)
  local positions = {}
  for position in pairs(changes) do positions[#positions + 1] = position end
  if #positions == 0 then return false end
  if #positions > 1 then sort(positions) end
  local oldest, newest = positions[1], positions[#positions]
  local ring = open_ring(key)
  local made, is_header_changed = not ring.base, false
  take_up_columns(ring, changes)
  if made then
    ring.base, ring.head, ring.first = math.max(oldest, newest - RING_DAYS + 1), newest, oldest
  else
    is_header_changed = newest > ring.head or oldest < ring.first
    if oldest < ring.first then ring.first = oldest end
    if newest > ring.head then clear_ahead(ring, newest, oldest) end
  end
  add_runs(ring, positions, changes)
  close_ring(ring, is_header_changed)
  return made
end
