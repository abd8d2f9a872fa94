-- Forgets lines that a record has no more, once their tombstones are durable.
--
-- KEYS: epoch, fenced, each, open      ARGV: epoch, writer, then for each record: key, order, lines (NUL between them)
-- Returns 'ok', 'lost' or 'fenced'. Nothing is forgotten if a newer record of the key is stored: it has lines of its own.
if not is_epoch(ARGV[1]) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], ARGV[2]) == 1 then return 'fenced' end
for i = 3, #ARGV, 3 do
  local key, order, lines = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local stored = redis.call('HGET', KEYS[3], key)
  if stored and string.match(stored, '^(%Z*)') == order then
    if lines == '' then redis.call('HDEL', KEYS[4], key) else redis.call('HSET', KEYS[4], key, lines) end
  end
end
return 'ok'
