-- Commits rows after they are durable: their content becomes the last accepted one, their claims go.
--
-- KEYS: epoch, fenced, ledger, claims
-- ARGV: epoch, writer, '1' if claims on older content of the key go too, rows (read_rows)
-- Returns 'ok', 'lost' or 'fenced'. Running it twice changes nothing.
--
-- An older claim on an entity's row stays: its message is not acknowledged and will ask for it again. One on a merged
-- row is not asked for again once a newer pair of sides is there, so it would stay for ever.
local epoch, writer, sweep = ARGV[1], ARGV[2], ARGV[3] == '1'
if not is_epoch(epoch) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return 'fenced' end

local keys, hashes, orders = read_rows(ARGV[4])
local ledger, claims = open_hash(KEYS[3], keys), open_hash(KEYS[4], keys)

-- What stays of the claims in flight, and the newest order under which the row's content was asked for.
local function without(in_flight, hash, order)
  -- Nearly always it is this row alone, asked for once.
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
-- What goes, goes first: a Redis that is full lets a script write on once it has begun, but not begin with a write that grows.
claims.write()
ledger.write()
return 'ok'
