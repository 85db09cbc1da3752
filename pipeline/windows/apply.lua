-- Adds one batch of one partition to one shard, and moves the fence, in one atomic step. Follows rows.lua, ring.lua,
-- hours.lua, member_packing.lua and members.lua.
--
-- KEYS     1 hash of fences: partition -> next offset this shard will take, 2 a key that never is (redis_keys.py)
-- ARGV     1 key prefix of the shard, 2 partition, 3 first offset, 4 next offset, 5 payload (msgpack), 6 the fence that
--          the caller has seen here (-1 none)
-- payload  network -> {day -> community -> rows, community -> name, community -> line}
-- returns  {0, fence} applied, {1, fence} counted before, {2, fence} straddles the fence: trim and send again,
--          {3, fence} the fence went back: what lies between was lost, and this batch would hide it

local NETWORK_ACTIVITIES = 29
local PARTICIPANT_COLUMNS = {PARTICIPANT_WINDOWS[1][2], PARTICIPANT_WINDOWS[1][3]}

local function is_older(one, other) return one.day < other.day end

-- The days of a network, oldest first, each {day, bytes: the two of its number, rows_of: community -> rows}.
local function days_in_order(delta)
  local days = {}
  for day, rows_of in pairs(delta[1]) do
    days[#days + 1] = {day = day, bytes = char(day % 256, floor(day / 256)), rows_of = rows_of}
  end
  sort(days, is_older)
  return days
end

-- What a community has on the days from `days[first]` on: each day gets its members, the rows are added to `changes`.
-- Returns those days, and all rows.
local function read_days_of(days, first, community, changes, network_changes)
  local active, all_rows = {}, ''
  for i = first, #days do
    local of_day = days[i]
    local rows = of_day.rows_of[community]
    if rows then
      -- Read once, whatever day comes next.
      of_day.rows_of[community] = nil
      local members, activities = sum_rows(rows, amounts_at(changes, of_day.day))
      local of_network = amounts_at(network_changes, of_day.day)
      of_network[NETWORK_ACTIVITIES] = of_network[NETWORK_ACTIVITIES] + activities
      of_day.members = members
      active[#active + 1], all_rows = of_day, all_rows .. rows
    end
  end
  return active, all_rows
end

local function add_community(prefix, network, community, days, first, name, network_changes)
  local id, changes = network .. '/' .. community, {}
  local active, rows = read_days_of(days, first, community, changes, network_changes)
  add_hours(prefix, id, rows)
  add_members(prefix .. 'm:' .. id, active, changes)
  for day, amounts in pairs(changes) do
    for _, column in ipairs(PARTICIPANT_COLUMNS) do
      if amounts[column] ~= 0 then
        local of_network = amounts_at(network_changes, day)
        of_network[column] = of_network[column] + amounts[column]
      end
    end
  end
  local made = add_to_ring(prefix .. 'd:' .. id, changes)
  if name then call('HSET', prefix .. 'c:' .. network, community, name)
  elseif made then call('HSETNX', prefix .. 'c:' .. network, community, '') end
end

local function add_network(prefix, network, delta)
  local days, names, network_changes = days_in_order(delta), delta[2], {}
  for first, of_day in ipairs(days) do
    for community in pairs(of_day.rows_of) do
      add_community(prefix, network, community, days, first, names[community], network_changes)
    end
  end
  for community, line in pairs(delta[3]) do call('HSET', prefix .. 'l:' .. network, community, line) end
  if add_to_ring(prefix .. 'n:' .. network, network_changes) then call('SADD', prefix .. 'networks', network) end
end

local prefix, partition, first_offset, next_offset = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local fence = tonumber(call('HGET', KEYS[1], partition) or '-1')
if fence < tonumber(ARGV[6]) then return {3, fence} end
if fence >= next_offset then return {1, fence} end
if fence > first_offset then return {2, fence} end

for network, delta in pairs(cmsgpack.unpack(ARGV[5])) do add_network(prefix, network, delta) end

call('HSET', KEYS[1], partition, next_offset)
return {0, next_offset}
