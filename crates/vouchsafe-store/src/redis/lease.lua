-- KEYS: record, index, counter. ARGV: milliseconds, the fencing number that was seen out or "".
-- Returns nothing, or the fencing number of another, or a new one with version and data.
local version, data, fence, ends = unpack(redis.call('HMGET', KEYS[1], 'version', 'data', 'fence', 'ends'))
if not version then
  return {}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if fence and now < tonumber(ends) and fence ~= ARGV[2] then
  return { fence }
end
redis.call('INCR', KEYS[3])
local next = redis.call('GET', KEYS[3])
redis.call('HSET', KEYS[1], 'fence', next, 'ends', string.format('%d', now + ARGV[1]))
return { next, version, data }
