-- Members: what it changes in a community's rings that somebody was active. Part of the script that apply.lua ends.
--
-- Nearly always a member is new, or goes on from its newest day and hour: `add_to_member` does that on the packed value.
-- `add_slowly` can do anything; both write the same.

-- {width, arrivals column, stays column}
local DAY_WINDOWS = {{7, 16, 17}, {28, 18, 19}, {91, 20, 21}, {365, 22, 23}}
local PARTICIPANT_WINDOWS = {{7, 24, 25}}
local HOUR_WINDOWS = {{24, 27, 28}}
local HOUR_ACTIVE = 26
-- All days are decoded once in so many, so that those which no window can reach are dropped. A gap below it is a byte.
local DROPPED_EVERY_DAYS = 32
local MEMBERS_A_CALL = 1000

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

-- What `insert_active` does for `number` members whose newest position was `before` (nil: none) and is `new` now.
local function go_on(before, new, number, windows, changes)
  for _, window in ipairs(windows) do
    local width, arrivals, stays = window[1], window[2], window[3]
    if not before or new - before > width then bump(changes, new, arrivals, number)
    else bump(changes, before, stays, -number) end
    bump(changes, new, stays, number)
  end
end

local function add_day(days, day, acts, changes)
  local taking_part, i = {}, 1
  for place, known in ipairs(days.day) do
    if days.took_part[place] then taking_part[#taking_part + 1] = known end
    if known > day then i = place + 1 end
  end
  if days.day[i] ~= day then
    insert_active(days.day, day, DAY_WINDOWS, changes)
    insert(days.talk, i, 0)
    insert(days.bond, i, 0)
    insert(days.took_part, i, false)
  end
  days.talk[i], days.bond[i] = days.talk[i] + acts.talk, days.bond[i] + acts.bond
  if acts.took_part and not days.took_part[i] then
    days.took_part[i] = true
    insert_active(taking_part, day, PARTICIPANT_WINDOWS, changes)
  end
end

local function add_slowly(value, slot, acts, day_changes, hour_changes)
  local day, hour = slot.day, slot.hour
  local hours, at = read_hours(value)
  local is_known = hours[1] and hours[1] - hour >= RING_HOURS
  for _, known in ipairs(hours) do is_known = is_known or known == hour end
  if not is_known then
    bump(hour_changes, hour, HOUR_ACTIVE, 1)
    insert_active(hours, hour, HOUR_WINDOWS, hour_changes)
  end
  local low, high = byte(value, at, at + 1)
  local drops = floor(day / DROPPED_EVERY_DAYS) > floor((low + high * 256) / DROPPED_EVERY_DAYS)
  local days = read_days(value, at, drops and 0 or day)
  add_day(days, day, acts, day_changes)
  return write_hours(hours) .. write_days(days)
end

-- Puts a newer hour before the others: those that a ring no longer remembers are dropped.
local function put_hour_before(value, count, gap, slot)
  if gap >= RING_HOURS then return slot.hour_alone end
  local kept, age = 1, gap
  while kept < count do
    age = age + byte(value, 4 + kept)
    if age >= RING_HOURS then break end
    kept = kept + 1
  end
  return char(kept + 1) .. slot.hour_bytes .. char(gap) .. sub(value, 5, 3 + kept)
end

local function count_move(moves, from, to)
  local key = from * 16777216 + to
  moves[key] = (moves[key] or 0) + 1
end

-- One member's acts in one slot -> its new value. What is common is counted in `moves` and told to the rings at the end.
local function add_to_member(value, slot, acts, moves, day_changes, hour_changes)
  local day, hour = slot.day, slot.hour
  if not value then
    count_move(moves.days, 0, day)
    count_move(moves.hours, 0, hour)
    if acts.took_part then count_move(moves.participants, 0, day) end
    return slot.alone .. acts.packed
  end
  local count, a, b, c = byte(value, 1, 4)
  local newest_hour, at = a + b * 256 + c * 65536, 4 + count
  local low, high, talk, bond = byte(value, at, at + 3)
  local newest_day = low + high * 256
  local days
  if count == 0 or hour < newest_hour or day < newest_day or talk >= 128 or bond >= 128 then
    return add_slowly(value, slot, acts, day_changes, hour_changes)
  elseif day == newest_day then
    local new_talk, new_bond = talk + acts.talk, bond + 2 * acts.bond
    if new_talk >= 128 or new_bond >= 128 or (acts.took_part and bond % 2 == 0) then
      return add_slowly(value, slot, acts, day_changes, hour_changes)
    end
    days = slot.day_bytes .. char(new_talk, new_bond) .. sub(value, at + 4)
  elseif floor(day / DROPPED_EVERY_DAYS) == floor(newest_day / DROPPED_EVERY_DAYS) and bond % 2 == 1 then
    count_move(moves.days, newest_day, day)
    if acts.took_part then count_move(moves.participants, newest_day, day) end
    days = slot.day_bytes .. acts.packed .. char(day - newest_day) .. sub(value, at + 2)
  else
    return add_slowly(value, slot, acts, day_changes, hour_changes)
  end
  if hour == newest_hour then return sub(value, 1, at - 1) .. days end
  count_move(moves.hours, newest_hour, hour)
  return put_hour_before(value, count, hour - newest_hour, slot) .. days
end

local function tell_moves(moves, windows, changes, active_column)
  for key, number in pairs(moves) do
    local before, new = floor(key / 16777216), key % 16777216
    go_on(before > 0 and before or nil, new, number, windows, changes)
    if active_column then bump(changes, new, active_column, number) end
  end
end

local acts_known = {}

-- Acts as `columns.member_increment` packs them.
local function acts_of(packed)
  local acts = acts_known[packed]
  if not acts then
    local talk, bond, took_part = packed % 65536, floor(packed / 65536) % 65536, packed >= 4294967296
    acts = {talk = talk, bond = bond, took_part = took_part, packed = pack_acts(talk, bond, took_part)}
    acts_known[packed] = acts
  end
  return acts
end

local function read_members(key, names)
  local values = {}
  for start = 1, #names, MEMBERS_A_CALL do
    local stop = math.min(#names, start + MEMBERS_A_CALL - 1)
    for i, value in ipairs(call('HMGET', key, unpack(names, start, stop))) do values[names[start + i - 1]] = value end
  end
  return values
end

local function write_members(key, names, values)
  for start = 1, #names, MEMBERS_A_CALL do
    local pairs_of_call = {}
    for i = start, math.min(#names, start + MEMBERS_A_CALL - 1) do
      pairs_of_call[#pairs_of_call + 1] = names[i]
      pairs_of_call[#pairs_of_call + 1] = values[names[i]]
    end
    call('HSET', key, unpack(pairs_of_call))
  end
end

-- `slots` are those of one community, oldest first, each with members -> packed acts.
local function add_members(key, slots, day_changes, hour_changes)
  local names, is_named = {}, {}
  for _, slot in ipairs(slots) do
    for name in pairs(slot.members) do
      if not is_named[name] then is_named[name] = true; names[#names + 1] = name end
    end
  end
  local values, moves = read_members(key, names), {days = {}, participants = {}, hours = {}}
  for _, slot in ipairs(slots) do
    slot.day_bytes = char(slot.day % 256, floor(slot.day / 256))
    slot.hour_bytes = three_bytes(slot.hour)
    slot.hour_alone = '\1' .. slot.hour_bytes
    slot.alone = slot.hour_alone .. slot.day_bytes
    for name, packed in pairs(slot.members) do
      values[name] = add_to_member(values[name], slot, acts_of(packed), moves, day_changes, hour_changes)
    end
  end
  write_members(key, names, values)
  tell_moves(moves.days, DAY_WINDOWS, day_changes)
  tell_moves(moves.participants, PARTICIPANT_WINDOWS, day_changes)
  tell_moves(moves.hours, HOUR_WINDOWS, hour_changes, HOUR_ACTIVE)
end
