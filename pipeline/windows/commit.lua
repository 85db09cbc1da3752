-- Keeps what judging one shard up to a boundary found, in one atomic step fenced by the boundary.
--
-- KEYS     1 hash: network -> newest day judged, 2 hash of fences, 3 a key that never is (redis_keys.py)
-- ARGV     1 key prefix of the shard, 2 network, 3 first day, 4 last day, 5 states, 6 readings, 7 told (msgpack),
--          8 fences (msgpack: partition -> offset) seen before anything was read
-- states   one packed value for all communities of the shard, as are the readings: that costs far less than a hash
-- told     {lives: community -> JSON, steps: list of {alert id, open (1 or 0), JSON}}
-- returns  1 kept, 0 refused: another judge was first, or Redis has lost activities since they were read

local call = redis.call
local prefix, network, first_day, last_day = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local judged = tonumber(call('HGET', KEYS[1], network) or first_day - 1)
if judged ~= first_day - 1 then return 0 end
for partition, offset in pairs(cmsgpack.unpack(ARGV[8])) do
  if tonumber(call('HGET', KEYS[2], partition) or '-1') < offset then return 0 end
end

call('SET', prefix .. 's:' .. network, ARGV[5])
call('SET', prefix .. 'r:' .. network, ARGV[6])
local told = cmsgpack.unpack(ARGV[7])
for community, life in pairs(told.lives) do call('HSET', prefix .. 'v:' .. network, community, life) end
for _, step in ipairs(told.steps) do
  local id, open, value = step[1], step[2], step[3]
  if open == 1 then call('HSET', prefix .. 'a:' .. network, id, value) else call('HDEL', prefix .. 'a:' .. network, id) end
  call('XADD', prefix .. 'outbox', '*', 'id', id, 'value', value)
end
call('HSET', KEYS[1], network, last_day)
return 1
