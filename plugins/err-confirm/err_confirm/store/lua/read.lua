-- Return the server's clock and a record, false if there is none.
-- KEYS: record
local time = redis.call('TIME')
return {string.format('%d.%06d', time[1], time[2]), redis.call('GET', KEYS[1])}
