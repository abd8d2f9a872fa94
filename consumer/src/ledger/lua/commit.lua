-- Commits rows that are durable: their content becomes the last accepted one, and their claims are removed.
--
-- KEYS: epoch, fenced, ledger, claims, marks
-- ARGV: epoch, writer, '1' if claims on older content of the key are removed too, rows (read_rows), then names and
--       numbers of marks, which say how far the output got with them
-- Returns 'ok', 'lost' or 'fenced'. Running it twice changes nothing.
--
-- An older claim on the row of an entity stays, because its message is not acknowledged and will ask for the row again. An
-- older claim on a merged row would stay for ever, because no message asks for that row again once a newer pair of sides is
-- there.
local epoch, writer, sweep = ARGV[1], ARGV[2], ARGV[3] == '1'
if not is_epoch(epoch) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return 'fenced' end

local keys, hashes, orders = read_rows(ARGV[4])
local ledger, claims = open_hash(KEYS[3], keys), open_hash(KEYS[4], keys)

-- Returns the claims in flight that stay, and the newest order under which the row's content was asked for.
local function without(in_flight, hash, order)
  -- Nearly always this row is the only claim, and was asked for once.
  local owners, its_hash, its_order = string.match(in_flight, '^(%S+) %S+ (%S+) ([^\r\n]*)$')
  if owners == writer and its_hash == hash and its_order == order then return false, order end
  local kept = {}
  for line in string.gmatch(in_flight, '[^\n]+') do
    local claim = read_claim(line)
    if claim.owner == writer and claim.hash == hash and has_order(claim, order) then
      order = claim.newest
    elseif not (sweep and before(claim.newest, order)) then
      kept[#kept + 1] = line
    end
  end
  return #kept > 0 and table.concat(kept, '\n'), order
end

for at, key in ipairs(keys) do
  local hash, order, in_flight = hashes[at], orders[at], claims.get(key)
  if in_flight then
    local kept
    kept, order = without(in_flight, hash, order)
    claims.set(key, kept)
  end

  local committed = ledger.get(key)
  if not committed or not before(order, string.match(committed, '^%S+ (.*)$')) then
    ledger.set(key, hash .. ' ' .. order)
  end
end
-- The claims are removed first: a full Redis refuses a script whose first write needs memory, but lets it go on once it has
-- written.
claims.write()
ledger.write()
for at = 5, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[5], ARGV[at]) or '-1') < tonumber(ARGV[at + 1]) then
    redis.call('HSET', KEYS[5], ARGV[at], ARGV[at + 1])
  end
end
return 'ok'
