-- KEYS: records.
local found = {}
for at, key in ipairs(KEYS) do
  found[at] = redis.call('HMGET', key, 'version', 'data')
end
return found
