-- KEYS: index, records. ARGV: key and version or "" of each record.
local deleted = {}
for at = 2, #KEYS do
  local version = redis.call('HGET', KEYS[at], 'version')
  local key, expected = ARGV[2 * at - 3], ARGV[2 * at - 2]
  if not version or (expected ~= '' and expected ~= version) then
    deleted[at - 1] = 0
  else
    redis.call('DEL', KEYS[at])
    redis.call('ZREM', KEYS[1], key)
    deleted[at - 1] = 1
  end
end
return deleted
