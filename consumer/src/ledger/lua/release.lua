-- Gives up claims on rows that this writer will not write, because the sink refuses them: it is as if no message had asked for them. When
-- the record comes again, its row is judged anew. A claim that stayed would make the record a duplicate of a row that never landed.
--
-- KEYS: epoch, fenced, ledger
-- ARGV: epoch, writer, rows (read_rows)
-- Returns 'ok', 'lost' or 'fenced'. Running it twice changes nothing.
local epoch, writer = ARGV[1], ARGV[2]
if not is_epoch(epoch) then return 'lost' end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return 'fenced' end

local keys, contents = read_rows(ARGV[3])
local ledger = open_hash(KEYS[3], keys)
for at = 1, #keys do
  local accepted, in_flight = read_key(ledger.get(at))
  local hash, order = read_content(contents[at])
  local kept = ''
  for line in string.gmatch(in_flight, '[^\n]+') do
    local claim = read_claim(line)
    local ours = claim.owner == writer and claim.hash == hash and has_order(claim, order)
    if not ours then kept = kept .. '\n' .. line end
  end
  if kept ~= in_flight then ledger.set(at, write_key(accepted, kept)) end
end
ledger.write()
return 'ok'
