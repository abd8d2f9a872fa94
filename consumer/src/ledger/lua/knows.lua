-- Tells which keys the ledger knows: something of them was accepted, or is in flight. It changes nothing.
--
-- KEYS: epoch, fenced, ledger
-- ARGV: epoch, writer, keys
-- Returns {'ok', {1 or 0 for each key}}, {'lost'} or {'fenced'}.
local epoch, writer = ARGV[1], ARGV[2]
if not is_epoch(epoch) then return { 'lost' } end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return { 'fenced' } end

local found = {}
for at = 3, #ARGV do found[at - 2] = redis.call('HEXISTS', KEYS[3], ARGV[at]) end
return { 'ok', found }
