-- KEYS[1] the lease; ARGV 1 take or give_back, 2 who, 3 milliseconds to hold. Returns 1 where the lease is (or was) theirs.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[2] then return 0 end
if ARGV[1] == 'take' then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
elseif holder then
  redis.call('DEL', KEYS[1])
end
return 1
