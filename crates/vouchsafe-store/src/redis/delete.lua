-- KEYS: record, index. ARGV: key, version or "".
local version = redis.call('HGET', KEYS[1], 'version')
if not version or (ARGV[2] ~= '' and ARGV[2] ~= version) then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
