-- Remove a due entry unless its record is there.
-- KEYS: record, due   ARGV: id
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
end
