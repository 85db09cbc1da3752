-- Members: what it changes in a community's rings that somebody was active. Part of the script that apply.lua ends.
--
-- Nearly always a member is new, or goes on from its newest day: `add_to_member` does that on the packed value.
-- `add_slowly` can do anything; both write the same.

-- {width, arrivals column, stays column}
local DAY_WINDOWS = {{7, 16, 17}, {28, 18, 19}, {91, 20, 21}, {365, 22, 23}}
local PARTICIPANT_WINDOWS = {{7, 24, 25}}
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

local function add_slowly(value, day, acts, changes)
  local low, high = byte(value, 1, 2)
  local drops = floor(day / DROPPED_EVERY_DAYS) > floor((low + high * 256) / DROPPED_EVERY_DAYS)
  local days = read_days(value, drops and 0 or day)
  add_day(days, day, acts, changes)
  return write_days(days)
end

-- `moves` is what * 2^32 + day before (0: none) * 2^16 + new day -> number of members.
local DAYS, PARTICIPANTS = 0, 1

local function count_move(moves, what, before, new)
  local key = (what * 65536 + before) * 65536 + new
  moves[key] = (moves[key] or 0) + 1
end

-- One member's acts of one day -> its new value. What is common is counted in `moves` and told to the ring at the end.
local function add_to_member(value, of_day, acts, moves, changes)
  local day = of_day.day
  if not value then
    count_move(moves, DAYS, 0, day)
    if acts.took_part then count_move(moves, PARTICIPANTS, 0, day) end
    return of_day.bytes .. acts.packed
  end
  local low, high, talk, bond = byte(value, 1, 4)
  local newest_day = low + high * 256
  if day < newest_day or talk >= 128 or bond >= 128 then
    return add_slowly(value, day, acts, changes)
  elseif day == newest_day then
    local new_talk, new_bond = talk + acts.talk, bond + 2 * acts.bond
    if new_talk >= 128 or new_bond >= 128 or (acts.took_part and bond % 2 == 0) then
      return add_slowly(value, day, acts, changes)
    end
    return of_day.bytes .. char(new_talk, new_bond) .. sub(value, 5)
  elseif floor(day / DROPPED_EVERY_DAYS) == floor(newest_day / DROPPED_EVERY_DAYS) and bond % 2 == 1 then
    count_move(moves, DAYS, newest_day, day)
    if acts.took_part then count_move(moves, PARTICIPANTS, newest_day, day) end
    return of_day.bytes .. acts.packed .. char(day - newest_day) .. sub(value, 3)
  end
  return add_slowly(value, day, acts, changes)
end

local function tell_moves(moves, changes)
  for key, number in pairs(moves) do
    local places, new = floor(key / 65536), key % 65536
    local windows = places < 65536 and DAY_WINDOWS or PARTICIPANT_WINDOWS
    go_on(places % 65536, new, number, windows, changes)
  end
end

local acts_known = {}

-- Acts as `columns.member_increment` packs them.
local function acts_of(packed)
  local acts = acts_known[packed]
  if not acts then
    local talk, bond, took_part = packed % 262144, floor(packed / 262144) % 262144, packed >= 68719476736
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

-- `days` are those of one community, oldest first, each {day, bytes: the two of its number, members: name -> packed acts}.
local function add_members(key, days, changes)
  local names, place_of = {}, {}
  for _, of_day in ipairs(days) do
    for name in pairs(of_day.members) do
      if not place_of[name] then
        names[#names + 1] = name
        place_of[name] = #names
      end
    end
  end
  if #names == 0 then return end
  local values, moves = read_members(key, names), {}
  for _, of_day in ipairs(days) do
    for name, packed in pairs(of_day.members) do
      local place = place_of[name]
      values[place] = add_to_member(values[place], of_day, acts_of(packed), moves, changes)
    end
  end
  write_members(key, names, values)
  tell_moves(moves, changes)
end
