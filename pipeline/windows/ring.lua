-- Rings of days or hours. Part of the script that apply.lua ends.
--
-- A ring (columns.py says what the columns are): header of 48 bytes: version, width of a number in bytes, columns, their
-- ids, and from byte 36 base, head, first position (4 bytes each); then one record a position at (position - base) % size.
-- A ring widens, and takes up a column, when it must; so a quiet community stays small. Four bytes are the most: a
-- number stays at 4294967295, since an error here would leave half a batch counted and no fence moved.

local call, byte, char, sub, rep = redis.call, string.byte, string.char, string.sub, string.rep
local floor, insert, concat, sort = math.floor, table.insert, table.concat, table.sort

local HEADER, VERSION = 48, 1
local LIMIT = {[1] = 255, [2] = 65535, [4] = 4294967295}
local CODE = {[1] = 'B', [2] = 'I2', [4] = 'I4'}
-- A run is read and written with one command each: as many numbers as Lua can take from its stack, and positions so
-- near to one another that what lies between costs less than another command.
local RUN_NUMBERS, NEAR = 1000, 4

local function shape(ring)
  ring.record = #ring.columns * ring.width
  ring.format = rep(CODE[ring.width], #ring.columns)
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
  local old_format, old_record, old_columns = '<' .. ring.format, ring.record, ring.columns
  ring.columns, ring.width = columns, width
  shape(ring)
  local format = '<' .. ring.format
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
      parts[#parts + 1] = struct.pack(format, unpack(new))
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
  sort(fresh)
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

local function read_numbers(ring, start, count)
  local length = count * ring.record
  local raw = call('GETRANGE', ring.key, start, start + length - 1)
  if #raw < length then raw = raw .. rep('\0', length - #raw) end
  if ring.width == 1 then return {byte(raw, 1, length)} end
  return {struct.unpack('<' .. rep(ring.format, count), raw)}
end

-- Adds to `positions[from]` … `positions[to]`, which lie next to one another in the ring.
local function add_run(ring, positions, from, to, changes)
  local first, columns = positions[from], #ring.columns
  local start, count = HEADER + ((first - ring.base) % ring.size) * ring.record, positions[to] - first + 1
  local numbers, place, greatest = read_numbers(ring, start, count), ring.place, 0
  for n = from, to do
    local before = (positions[n] - first) * columns
    for column, amount in pairs(changes[positions[n]]) do
      local i = before + place[column]
      local number = numbers[i] + amount
      numbers[i] = number
      if number > greatest then greatest = number end
    end
  end
  if greatest > LIMIT[ring.width] then
    if ring.width < 4 then
      lay_out_anew(ring, ring.columns, ring.width * 2)
      return add_run(ring, positions, from, to, changes)
    end
    for i, number in ipairs(numbers) do numbers[i] = math.min(number, LIMIT[4]) end
  end
  local raw
  if ring.width == 1 then raw = char(unpack(numbers))
  else raw = struct.pack('<' .. rep(ring.format, count), unpack(numbers, 1, count * columns)) end
  call('SETRANGE', ring.key, start, raw)
end

local function add_runs(ring, positions, changes)
  local most, from = math.max(1, floor(RUN_NUMBERS / #ring.columns)), 1
  while from <= #positions do
    local to, first = from, positions[from]
    local wraps_at = first + ring.size - (first - ring.base) % ring.size
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
local function add_to_ring(key, size, changes)
  local positions = {}
  for position in pairs(changes) do positions[#positions + 1] = position end
  if #positions == 0 then return false end
  sort(positions)
  local oldest, newest = positions[1], positions[#positions]
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
  local remembered = {}
  for _, position in ipairs(positions) do
    if position > ring.head - size then remembered[#remembered + 1] = position end
  end
  add_runs(ring, remembered, changes)
  return made
end

local function bump(changes, position, column, amount)
  local amounts = changes[position]
  if not amounts then amounts = {}; changes[position] = amounts end
  amounts[column] = (amounts[column] or 0) + amount
end
