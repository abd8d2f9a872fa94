-- Forgets the content of records whose newer content has been merged and will not be written, because the sink refuses it. Were it still
-- known, a record that is again as it was before would be a duplicate, and the merged rows would stay as the refused content made them.
--
-- KEYS: epoch, fenced, ledger
-- ARGV: epoch, writer, rows (read_rows)
-- Returns 'ok', 'lost' or 'fenced'. Running it twice changes nothing.
local epoch, writer = ARGV[1], ARGV[2]
if not is_epoch(epoch) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return 'fenced' end

local keys, contents = read_rows(ARGV[3])
local ledger = open_hash(KEYS[3], keys)
-- No content has this hash (UNKNOWN_CONTENT in content.ts).
local unknown = string.rep('?', 20)
for at = 1, #keys do
  local accepted, in_flight = read_key(ledger.get(at))
  local _, order = read_content(contents[at])
  local formed = accepted and string.match(accepted, '^~.......(.*)$')
  local hash, its_order = read_content(formed or accepted or '')
  if not accepted or ((formed or hash ~= unknown) and before(its_order, order)) then
    -- The order is that of the first refused record, so that the dead letters of all of them can be replayed, and that records from
    -- before it are stale.
    ledger.set(at, write_key(unknown .. order, in_flight))
  end
end
ledger.write()
return 'ok'
