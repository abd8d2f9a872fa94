-- Commits rows after they are durable: their content becomes the last accepted one, their claims go.
--
-- KEYS: epoch, fenced, ledger, claims
-- ARGV: epoch, writer, '1' if claims on older content of the key go too, rows (each_row)
-- Returns 'ok', 'lost' or 'fenced'. Running it twice changes nothing.
--
-- An older claim on an entity's row stays: its message is not acknowledged and will ask for it again. One on a merged
-- row is not asked for again once a newer pair of sides is there, so it would stay for ever.
local epoch, writer, sweep = ARGV[1], ARGV[2], ARGV[3] == '1'
if not is_epoch(epoch) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return 'fenced' end

for key, hash, order in each_row(ARGV[4]) do
  local in_flight, kept = redis.call('HGET', KEYS[4], key), {}
  for line in string.gmatch(in_flight or '', '[^\n]+') do
    local claim = read_claim(line)
    if claim.owner == writer and claim.hash == hash and has_order(claim, order) then
      -- The newest under which this content was asked for.
      order = claim.newest
    elseif not (sweep and before(claim.newest, order)) then
      kept[#kept + 1] = line
    end
  end
  if #kept > 0 then
    redis.call('HSET', KEYS[4], key, table.concat(kept, '\n'))
  elseif in_flight then
    redis.call('HDEL', KEYS[4], key)
  end

  local committed = redis.call('HGET', KEYS[3], key)
  if not committed or not before(order, string.match(committed, '^%S+ (.*)$')) then
    redis.call('HSET', KEYS[3], key, hash .. ' ' .. order)
  end
end
return 'ok'
