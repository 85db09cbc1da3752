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
  local before, after, added = positions[i], positions[i - 1], amounts_at(changes, new)
  insert(positions, i, new)
  for _, window in ipairs(windows) do
    local width, arrivals, stays = window[1], window[2], window[3]
    local far_before = not before or new - before > width
    local far_after = not after or after - new > width
    local was_apart = not before or not after or after - before > width
    if far_before then added[arrivals] = added[arrivals] + 1 end
    if far_after then added[stays] = added[stays] + 1 end
    if after and not far_after and was_apart then
      local amounts = amounts_at(changes, after)
      amounts[arrivals] = amounts[arrivals] - 1
    end
    if before and not far_before and was_apart then
      local amounts = amounts_at(changes, before)
      amounts[stays] = amounts[stays] - 1
    end
  end
  return i
end

-- What `insert_active` does for `number` members whose newest position was `before` (0: none) and is `new` now.
local function go_on(before, new, number, windows, changes)
  local added, left = amounts_at(changes, new), nil
  for _, window in ipairs(windows) do
    local width, arrivals, stays = window[1], window[2], window[3]
    if before == 0 or new - before > width then
      added[arrivals] = added[arrivals] + number
    else
      left = left or amounts_at(changes, before)
      left[stays] = left[stays] - number
    end
    added[stays] = added[stays] + number
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

local function add_slowly(value, time, acts, day_changes, hour_changes)
  local day, hour = time.day, time.hour
  local hours, at = read_hours(value)
  local is_known = hours[1] and hours[1] - hour >= RING_HOURS
  for _, known in ipairs(hours) do is_known = is_known or known == hour end
  if not is_known then
    local amounts = amounts_at(hour_changes, hour)
    amounts[HOUR_ACTIVE] = amounts[HOUR_ACTIVE] + 1
    insert_active(hours, hour, HOUR_WINDOWS, hour_changes)
  end
  local low, high = byte(value, at, at + 1)
  local drops = floor(day / DROPPED_EVERY_DAYS) > floor((low + high * 256) / DROPPED_EVERY_DAYS)
  local days = read_days(value, at, drops and 0 or day)
  add_day(days, day, acts, day_changes)
  return write_hours(hours) .. write_days(days)
end

-- Puts a newer hour before the others: those that a ring no longer remembers are dropped.
local function put_hour_before(value, count, gap, time)
  if gap >= RING_HOURS then return time.hour_alone end
  local kept, age = 1, gap
  while kept < count do
    age = age + byte(value, 4 + kept)
    if age >= RING_HOURS then break end
    kept = kept + 1
  end
  return char(kept + 1) .. time.hour_bytes .. char(gap) .. sub(value, 5, 3 + kept)
end

-- `moves` is what * 2^48 + position before (0: none) * 2^24 + new position -> number of members.
local DAYS, PARTICIPANTS, HOURS = 0, 1, 2

local function count_move(moves, what, before, new)
  local key = (what * 16777216 + before) * 16777216 + new
  moves[key] = (moves[key] or 0) + 1
end

-- One member's acts in one slot -> its new value. What is common is counted in `moves` and told to the rings at the end.
local function add_to_member(value, time, acts, moves, day_changes, hour_changes)
  local day, hour = time.day, time.hour
  if not value then
    count_move(moves, DAYS, 0, day)
    count_move(moves, HOURS, 0, hour)
    if acts.took_part then count_move(moves, PARTICIPANTS, 0, day) end
    return time.alone .. acts.packed
  end
  local count, a, b, c = byte(value, 1, 4)
  local newest_hour, at = a + b * 256 + c * 65536, 4 + count
  local low, high, talk, bond = byte(value, at, at + 3)
  local newest_day = low + high * 256
  local days
  if count == 0 or hour < newest_hour or day < newest_day or talk >= 128 or bond >= 128 then
    return add_slowly(value, time, acts, day_changes, hour_changes)
  elseif day == newest_day then
    local new_talk, new_bond = talk + acts.talk, bond + 2 * acts.bond
    if new_talk >= 128 or new_bond >= 128 or (acts.took_part and bond % 2 == 0) then
      return add_slowly(value, time, acts, day_changes, hour_changes)
    end
    days = time.day_bytes .. char(new_talk, new_bond) .. sub(value, at + 4)
  elseif floor(day / DROPPED_EVERY_DAYS) == floor(newest_day / DROPPED_EVERY_DAYS) and bond % 2 == 1 then
    count_move(moves, DAYS, newest_day, day)
    if acts.took_part then count_move(moves, PARTICIPANTS, newest_day, day) end
    days = time.day_bytes .. acts.packed .. char(day - newest_day) .. sub(value, at + 2)
  else
    return add_slowly(value, time, acts, day_changes, hour_changes)
  end
  if hour == newest_hour then return sub(value, 1, at - 1) .. days end
  count_move(moves, HOURS, newest_hour, hour)
  return put_hour_before(value, count, hour - newest_hour, time) .. days
end

local function tell_moves(moves, day_changes, hour_changes)
  for key, number in pairs(moves) do
    local places, new = floor(key / 16777216), key % 16777216
    local what, before = floor(places / 16777216), places % 16777216
    if what == DAYS then
      go_on(before, new, number, DAY_WINDOWS, day_changes)
    elseif what == PARTICIPANTS then
      go_on(before, new, number, PARTICIPANT_WINDOWS, day_changes)
    else
      go_on(before, new, number, HOUR_WINDOWS, hour_changes)
      local amounts = hour_changes[new]
      amounts[HOUR_ACTIVE] = amounts[HOUR_ACTIVE] + number
    end
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

-- The values of these members, in the same order; false where one is new.
local function read_members(key, names)
  if #names <= MEMBERS_A_CALL then return call('HMGET', key, unpack(names)) end
  local values = {}
  for start = 1, #names, MEMBERS_A_CALL do
    local stop = math.min(#names, start + MEMBERS_A_CALL - 1)
    for i, value in ipairs(call('HMGET', key, unpack(names, start, stop))) do values[start + i - 1] = value end
  end
  return values
end

local function write_members(key, names, values)
  for start = 1, #names, MEMBERS_A_CALL do
    local pairs_of_call = {}
    for i = start, math.min(#names, start + MEMBERS_A_CALL - 1) do
      pairs_of_call[#pairs_of_call + 1] = names[i]
      pairs_of_call[#pairs_of_call + 1] = values[i]
    end
    call('HSET', key, unpack(pairs_of_call))
  end
end

-- `slots` are those of one community, oldest first, each with members -> packed acts.
local function add_members(key, slots, day_changes, hour_changes)
  local names, place_of = {}, {}
  for _, slot in ipairs(slots) do
    for name in pairs(slot.members) do
      if not place_of[name] then
        names[#names + 1] = name
        place_of[name] = #names
      end
    end
  end
  if #names == 0 then return end
  local values, moves = read_members(key, names), {}
  for _, slot in ipairs(slots) do
    local time = slot.time
    for name, packed in pairs(slot.members) do
      local place = place_of[name]
      values[place] = add_to_member(values[place], time, acts_of(packed), moves, day_changes, hour_changes)
    end
  end
  write_members(key, names, values)
  tell_moves(moves, day_changes, hour_changes)
end
