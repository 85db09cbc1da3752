-- Sets a field of hash KEYS[1] to the lower of what it is and ARGV[2].
local kept = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], math.min(kept, tonumber(ARGV[2])))
return 1
