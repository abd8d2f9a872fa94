-- Tells which keys the ledger knows: something of them was accepted, or is in flight; and what time it is here. It changes nothing.
--
-- KEYS: epoch, fenced, ledger
-- ARGV: epoch, writer, keys
-- Returns {'ok', {1 or 0 for each key}, milliseconds since 1970}, {'lost'} or {'fenced'}.
local epoch, writer = ARGV[1], ARGV[2]
if not is_epoch(epoch) then return { 'lost' } end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return { 'fenced' } end

local found = {}
for at = 3, #ARGV do found[at - 2] = redis.call('HEXISTS', KEYS[3], ARGV[at]) end
local time = redis.call('TIME')
return { 'ok', found, time[1] * 1000 + math.floor(time[2] / 1000) }
