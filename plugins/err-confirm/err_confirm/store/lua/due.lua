-- Return the server's clock and the soonest due entries: id, moment, id, moment ...
-- KEYS: due   ARGV: limit
local time = redis.call('TIME')
local soonest = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[1])
return {string.format('%d.%06d', time[1], time[2]), soonest}
