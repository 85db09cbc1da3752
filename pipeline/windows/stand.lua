-- Moves where a partition stands, and never back: what a broken connection delivers late must not undo what came after.
--
-- KEYS[1]  hash: partition -> standing (JSON with next_offset)
-- ARGV     1 partition, 2 next offset, 3 standing, 4 the next offset that the caller has last seen here (-1 none)
-- returns  the next offset found; one below ARGV[4] says that Redis has lost something, and nothing was written

local kept = redis.call('HGET', KEYS[1], ARGV[1])
local offset = kept and cjson.decode(kept).next_offset or -1
if offset >= tonumber(ARGV[4]) and offset < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return offset
