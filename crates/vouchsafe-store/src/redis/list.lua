-- KEYS: index. ARGV: begin, end and limit for ZRANGEBYLEX, the names of the records up to their keys.
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local version, data = unpack(redis.call('HMGET', ARGV[4] .. key, 'version', 'data'))
  if version then
    table.insert(found, { key, version, data })
  end
end
return found
