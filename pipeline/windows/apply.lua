-- Adds one batch of one partition to one shard, and moves the fence, in one atomic step. Follows rows.lua, ring.lua,
-- hours.lua, member_packing.lua and members.lua.
--
-- KEYS[1]  hash of fences: partition -> next offset this shard will take
-- ARGV     1 key prefix of the shard, 2 partition, 3 first offset, 4 next offset, 5 payload (msgpack), 6 the fence that
--          the caller has seen here (-1 none)
-- payload  network -> community -> {name, day -> rows, line}
-- returns  {0, fence} applied, {1, fence} counted before, {2, fence} straddles the fence: trim and send again,
--          {3, fence} the fence went back: what lies between was lost, and this batch would hide it

local NETWORK_ACTIVITIES = 29
local PARTICIPANT_COLUMNS = {PARTICIPANT_WINDOWS[1][2], PARTICIPANT_WINDOWS[1][3]}

local function is_older(one, other) return one.day < other.day end

-- The days of a community, oldest first, their rows added to `changes` and appended to its last hours.
local function read_days_of(days, prefix, id, changes, network_changes)
  local found = {}
  for day, rows in pairs(days) do
    local of_network = amounts_at(network_changes, day)
    local members, activities = sum_rows(rows, amounts_at(changes, day))
    of_network[NETWORK_ACTIVITIES] = of_network[NETWORK_ACTIVITIES] + activities
    found[#found + 1] = {day = day, bytes = char(day % 256, floor(day / 256)), members = members}
    add_hours(prefix, id, rows)
  end
  if #found > 1 then sort(found, is_older) end
  return found
end

local function add_community(prefix, network, community, delta, network_changes)
  local id, changes = network .. '/' .. community, {}
  local days = read_days_of(delta[2], prefix, id, changes, network_changes)
  add_members(prefix .. 'm:' .. id, days, changes)
  for day, amounts in pairs(changes) do
    for _, column in ipairs(PARTICIPANT_COLUMNS) do
      if amounts[column] ~= 0 then
        local of_network = amounts_at(network_changes, day)
        of_network[column] = of_network[column] + amounts[column]
      end
    end
  end
  local made = add_to_ring(prefix .. 'd:' .. id, changes)
  if delta[1] ~= '' then call('HSET', prefix .. 'c:' .. network, community, delta[1])
  elseif made then call('HSETNX', prefix .. 'c:' .. network, community, '') end
  if delta[3] ~= '' then call('HSET', prefix .. 'l:' .. network, community, delta[3]) end
end

local prefix, partition, first_offset, next_offset = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local fence = tonumber(call('HGET', KEYS[1], partition) or '-1')
if fence < tonumber(ARGV[6]) then return {3, fence} end
if fence >= next_offset then return {1, fence} end
if fence > first_offset then return {2, fence} end

for network, communities in pairs(cmsgpack.unpack(ARGV[5])) do
  local network_changes = {}
  for community, delta in pairs(communities) do add_community(prefix, network, community, delta, network_changes) end
  if add_to_ring(prefix .. 'n:' .. network, network_changes) then
    call('SADD', prefix .. 'networks', network)
  end
end

call('HSET', KEYS[1], partition, next_offset)
return {0, next_offset}
