-- KEYS: record, index, counter.
-- ARGV: key, data, expected ("any", "absent" or a version), fencing number or "", "1" if the lease stays.
local version, fence = unpack(redis.call('HMGET', KEYS[1], 'version', 'fence'))
if (ARGV[3] == 'absent' and version) or
    (ARGV[3] ~= 'absent' and ARGV[3] ~= 'any' and ARGV[3] ~= version) or
    (ARGV[4] ~= '' and ARGV[4] ~= fence) then
  return false
end
if ARGV[5] ~= '1' then
  -- For the result of a refresh: if a script begins with a write that needs no memory, it is not stopped by `maxmemory`.
  if fence then
    redis.call('HDEL', KEYS[1], 'fence', 'ends')
  end
end
redis.call('INCR', KEYS[3])
local next = redis.call('GET', KEYS[3])
redis.call('HSET', KEYS[1], 'version', next, 'data', ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return next
