-- Adds one batch of one partition to one shard, and moves the fence, in one atomic step. Follows ring.lua, member_packing.lua and members.lua.
--
-- KEYS[1]  hash of fences: partition -> next offset this shard will take
-- ARGV     1 key prefix of the shard, 2 partition, 3 first offset, 4 next offset, 5 payload (msgpack), 6 the fence that
--          the caller has seen here (-1 none)
-- payload  network -> community -> {name, slots, line}
--          slots  day * 2^24 + hour -> {counts: column -> amount, members: pseudonym -> acts}
-- returns  {0, fence} applied, {1, fence} counted before, {2, fence} straddles the fence: trim and send again,
--          {3, fence} the fence went back: what lies between was lost, and this batch would hide it

local BOT, NETWORK_ACTIVITIES = 14, 29
local PARTICIPANT_COLUMNS = {PARTICIPANT_WINDOWS[1][2], PARTICIPANT_WINDOWS[1][3]}

-- Key of a slot -> what is the same for all communities.
local times_known = {}

local function time_of(key)
  local time = times_known[key]
  if not time then
    local day, hour = floor(key / 16777216), key % 16777216
    local day_bytes, hour_bytes = char(day % 256, floor(day / 256)), three_bytes(hour)
    local hour_alone = '\1' .. hour_bytes
    time = {
      day = day, hour = hour, order = hour * 65536 + day,
      day_bytes = day_bytes, hour_bytes = hour_bytes, hour_alone = hour_alone, alone = hour_alone .. day_bytes,
    }
    times_known[key] = time
  end
  return time
end

local function is_older(one, other) return one.time.order < other.time.order end

-- The slots of a community, oldest first.
local function slots_in_order(slots)
  local found = {}
  for key, content in pairs(slots) do
    found[#found + 1] = {time = time_of(key), counts = content[1], members = content[2]}
  end
  if #found > 1 then sort(found, is_older) end
  return found
end

-- In zones that are half an hour away from the others, midnight falls into an hour, which then has two slots.
local function add_counts(slots, day_changes, hour_changes, network_changes)
  for _, slot in ipairs(slots) do
    local day, activities = slot.time.day, 0
    local of_day, of_hour = amounts_at(day_changes, day), amounts_at(hour_changes, slot.time.hour)
    for column, amount in pairs(slot.counts) do
      of_day[column] = of_day[column] + amount
      of_hour[column] = of_hour[column] + amount
      if column <= BOT then activities = activities + amount end
    end
    local of_network = amounts_at(network_changes, day)
    of_network[NETWORK_ACTIVITIES] = of_network[NETWORK_ACTIVITIES] + activities
  end
end

local function add_community(prefix, network, community, delta, network_changes)
  local id, slots = network .. '/' .. community, slots_in_order(delta[2])
  local day_changes, hour_changes = {}, {}
  add_counts(slots, day_changes, hour_changes, network_changes)
  add_members(prefix .. 'm:' .. id, slots, day_changes, hour_changes)
  for day, amounts in pairs(day_changes) do
    for _, column in ipairs(PARTICIPANT_COLUMNS) do
      if amounts[column] ~= 0 then
        local of_network = amounts_at(network_changes, day)
        of_network[column] = of_network[column] + amounts[column]
      end
    end
  end
  local made = add_to_ring(prefix .. 'd:' .. id, RING_DAYS, day_changes)
  add_to_ring(prefix .. 'h:' .. id, RING_HOURS, hour_changes)
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
  if add_to_ring(prefix .. 'n:' .. network, RING_DAYS, network_changes) then
    call('SADD', prefix .. 'networks', network)
  end
end

call('HSET', KEYS[1], partition, next_offset)
return {0, next_offset}
