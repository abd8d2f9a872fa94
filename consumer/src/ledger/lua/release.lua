-- Gives up claims on rows that this writer will not write, because the sink refuses them: it is as if nobody had asked for them. When
-- the record comes again, its row is judged anew. A claim that stayed would make the record a duplicate of a row that never landed.
--
-- KEYS: epoch, fenced, claims
-- ARGV: epoch, writer, rows (read_rows)
-- Returns 'ok', 'lost' or 'fenced'. Running it twice changes nothing.
local epoch, writer = ARGV[1], ARGV[2]
if not is_epoch(epoch) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return 'fenced' end

local keys, hashes, orders = read_rows(ARGV[3])
local claims = open_hash(KEYS[3], keys)
for at, key in ipairs(keys) do
  local in_flight = claims.get(key)
  if in_flight then
    local kept = {}
    for line in string.gmatch(in_flight, '[^\n]+') do
      local claim = read_claim(line)
      local ours = claim.owner == writer and claim.hash == hashes[at] and has_order(claim, orders[at])
      if not ours then kept[#kept + 1] = line end
    end
    claims.set(key, #kept > 0 and table.concat(kept, '\n'))
  end
end
claims.write()
return 'ok'
