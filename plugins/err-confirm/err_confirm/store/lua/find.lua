-- Return the first ids between two bounds, in order, without those that were to be forgotten.
-- KEYS: ids, kept   ARGV: lower bound, upper bound (as ZRANGEBYLEX takes them), limit
local time = redis.call('TIME')
local now = tonumber(string.format('%d.%06d', time[1], time[2]))
local limit, page, offset, found = tonumber(ARGV[3]), 100, 0, {}
repeat
  local ids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', offset, page)
  for _, id in ipairs(ids) do
    local keep_until = redis.call('ZSCORE', KEYS[2], id)
    if #found < limit and not (keep_until and tonumber(keep_until) <= now) then
      found[#found + 1] = id
    end
  end
  offset = offset + page
until #ids < page or #found >= limit
return found
