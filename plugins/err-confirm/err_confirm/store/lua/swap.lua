-- Replace the version before a record's own by the record, inside its window; or write nothing.
-- KEYS: record, due, recent, ids, kept, log, then one for each person's key
-- ARGV: id, version, token, body, not_before, not_after, due_at or '', keep_until or '', channel,
--       number and seal of the journal's last line, number, seal and text of the next one (all '' for none),
--       then for each person's key its value and expires_at
-- Returns: 'ok', 'conflict' or 'late'; the server's clock; after conflict and late the record as it stands.
--          Or 'overtaken', and number and seal of the line that is the last one.
local id, version, token, body = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local not_before = tonumber(ARGV[5]) or -math.huge
local not_after = tonumber(ARGV[6]) or math.huge
local due_at, keep_until, channel = ARGV[7], tonumber(ARGV[8]), ARGV[9]

local time = redis.call('TIME')
local clock = string.format('%d.%06d', time[1], time[2])
local now = tonumber(clock)

-- A moment in whole milliseconds, up: the server never forgets early.
local function milliseconds(moment)
  return string.format('%d', math.ceil(moment * 1000))
end

local function forget(gone)
  for index = 2, 5 do
    redis.call('ZREM', KEYS[index], gone)
  end
end

local stored = redis.call('GET', KEYS[1])
local header = string.format('%d\n%s\n', version, token)
if stored and string.sub(stored, 1, #header) == header then
  return {'ok', clock}
end
if version - 1 ~= (stored and tonumber(string.match(stored, '^%d+')) or 0) then
  return {'conflict', clock, stored}
end
if now < not_before or now >= not_after then
  return {'late', clock, stored}
end

if ARGV[12] ~= '' then
  local last = redis.call('XREVRANGE', KEYS[6], '+', '-', 'COUNT', 1)[1]
  local number, seal = '0', ''
  if last then
    number, seal = string.match(last[1], '^%d+'), last[2][2]
  end
  if number ~= ARGV[10] or seal ~= ARGV[11] then
    return {'overtaken', number, seal}
  end
end

-- What can be refused comes before all that cannot, as nothing takes a write back: an index that is none any more, a
-- number that the journal had before its end was cut off, any write to a full server.
for index = 2, 5 do
  redis.call('ZCARD', KEYS[index])
end
if ARGV[12] ~= '' then
  redis.call('XADD', KEYS[6], ARGV[12] .. '-0', 'seal', ARGV[13], 'line', ARGV[14])
end
redis.call('SET', KEYS[1], header .. body)
if version == 1 then
  redis.call('ZADD', KEYS[3], clock, id)
end
redis.call('ZADD', KEYS[4], 0, id)
if due_at == '' then
  redis.call('ZREM', KEYS[2], id)
else
  redis.call('ZADD', KEYS[2], due_at, id)
end
if not keep_until then
  redis.call('ZREM', KEYS[5], id)
elseif keep_until > now then
  redis.call('ZADD', KEYS[5], ARGV[8], id)
  redis.call('PEXPIREAT', KEYS[1], milliseconds(keep_until))
else
  redis.call('DEL', KEYS[1])
  forget(id)
end

for index = 7, #KEYS do
  local value, expires_at = ARGV[index * 2 + 1], tonumber(ARGV[index * 2 + 2])
  if expires_at > now then
    redis.call('SET', KEYS[index], value)
    redis.call('PEXPIREAT', KEYS[index], milliseconds(expires_at))
  else
    redis.call('DEL', KEYS[index])
  end
end

-- Records end by their own TTL; a few of those that have ended leave the indexes with each swap.
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', clock, 'LIMIT', 0, 8)) do
  forget(gone)
end
redis.call('PUBLISH', channel, id)
return {'ok', clock}
