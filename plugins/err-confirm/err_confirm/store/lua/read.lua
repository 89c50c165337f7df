-- Return the server's clock and a record, false if there is none; what is no text is read as one that nobody can use.
-- KEYS: record
local time = redis.call('TIME')
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' then
  stored = 'not a text'
end
return {string.format('%d.%06d', time[1], time[2]), stored}
