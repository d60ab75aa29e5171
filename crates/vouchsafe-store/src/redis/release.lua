-- KEYS: record. ARGV: fencing number.
if redis.call('HGET', KEYS[1], 'fence') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'fence', 'ends')
end
return 0
