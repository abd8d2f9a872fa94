-- Commits rows that are durable: their content becomes the last accepted one, and their claims are removed.
--
-- KEYS: epoch, fenced, ledger, marks
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

local keys, contents = read_rows(ARGV[4])
local ledger = open_hash(KEYS[3], keys)

-- Returns the claims in flight that stay, and the newest order under which the row's content was asked for.
local function without(in_flight, hash, order)
  local kept = ''
  for line in string.gmatch(in_flight, '[^\n]+') do
    local claim = read_claim(line)
    if claim.owner == writer and claim.hash == hash and has_order(claim, order) then
      order = claim.newest
    elseif not (sweep and before(claim.newest, order)) then
      kept = kept .. '\n' .. line
    end
  end
  return kept, order
end

local function commit(at, known, content)
  local accepted, in_flight = read_key(known)
  local hash, order = read_content(content)
  in_flight, order = without(in_flight, hash, order)
  if accepted then
    local _, its_order = read_content(string.match(accepted, '^~.......(.*)$') or accepted)
    if not before(order, its_order) then accepted = hash .. order end
  else
    accepted = hash .. order
  end
  ledger.set(at, write_key(accepted, in_flight))
end

local find, ours = string.find, '\31' .. writer .. ' '
for at = 1, #keys do
  local content, known = contents[at], ledger.get(at)
  local ends = #content + 2
  if not known then
    ledger.set(at, content)
  elseif
    -- Nearly always this row alone is known of its key: "LF content US writer SP token".
    find(known, content, 2, true) == 2
    and find(known, ours, ends, true) == ends
    and string.byte(known) == 10
    and not find(known, '\n', ends, true)
  then
    ledger.set(at, content)
  elseif known ~= content then
    commit(at, known, content)
  end
end
-- A full Redis refuses a script whose first write needs memory, but lets it go on once it has written. What was claimed can be committed
-- then, and takes less afterwards.
redis.call('HDEL', KEYS[3], '')
ledger.write()
for at = 5, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[4], ARGV[at]) or '-1') < tonumber(ARGV[at + 1]) then
    redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1])
  end
end
return 'ok'
