-- Append a line to the journal, once, and remove those up to a number; or write nothing.
-- KEYS: log   ARGV: number and seal of the last line, number, seal and text of the next one, number up to which to remove
-- Returns: 'ok'; or 'overtaken', and number and seal of the line that is the last one.
local there = redis.call('XRANGE', KEYS[1], ARGV[3] .. '-0', ARGV[3] .. '-0')[1]
if there and there[2][2] == ARGV[4] then -- it was, and the answer to that was lost
  return {'ok'}
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local number, seal = '0', ''
if last then
  number, seal = string.match(last[1], '^%d+'), last[2][2]
end
if number ~= ARGV[1] or seal ~= ARGV[2] then
  return {'overtaken', number, seal}
end
redis.call('XADD', KEYS[1], ARGV[3] .. '-0', 'seal', ARGV[4], 'line', ARGV[5])
redis.call('XTRIM', KEYS[1], 'MINID', tonumber(ARGV[6]) + 1)
return {'ok'}
