-- Forgets the content of records whose newer content has been merged and will not be written, because the sink refuses it. Were it still
-- known, a record that is again as it was before would be a duplicate, and the merged rows would stay as the refused content made them.
--
-- KEYS: epoch, fenced, ledger
-- ARGV: epoch, writer, rows (read_rows)
-- Returns 'ok', 'lost' or 'fenced'. Running it twice changes nothing.
local epoch, writer = ARGV[1], ARGV[2]
if not is_epoch(epoch) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return 'fenced' end

local keys, _, orders = read_rows(ARGV[3])
local ledger = open_hash(KEYS[3], keys)
for at, key in ipairs(keys) do
  local hash, order = string.match(ledger.get(key) or '', '^(%S+) (.*)$')
  if not hash or (hash ~= '?' and before(order, orders[at])) then
    -- No content has this hash (UNKNOWN_CONTENT in recovery/landed.ts). The order is that of the first refused record, so that the dead
    -- letters of all of them can be replayed, and that records from before it are stale.
    ledger.set(key, '? ' .. orders[at])
  end
end
ledger.write()
return 'ok'
