-- Claims rows before they are written: one call for the rows of one dataset in a micro-batch.
--
-- KEYS: epoch, leases (zset: writer -> end of its lease, ms; "writer length" -> its length, ms), fenced (set of writers), ledger (hash)
-- ARGV: epoch, writer, call, rows (read_rows), '1' if they are rows of a merge
-- Returns {'ok', one letter for each row, the answer of the first T, F or H, of the second, ...}, {'lost'} or {'fenced'}.
--
-- A verdict:  A accept   D duplicate   S stale
--             B busy: another writer, which lives, holds the row of this same message, or one of the same content; ask again
--             F the very message landed before the configuration was changed, and its row looked otherwise then. Its answer
--                is the time of the rebuild that followed the change
--             H held: this writer itself has the merged row in flight, and the message that asks must make it durable too (is_left).
--                Its answer is the order under which the row is held
--             T accept, taken over from a dead writer, which is fenced from now on. Its answer is "owners orders": all
--                writers that held the row, and all orders under which they held it. It may have landed in the output of
--                any of these writers, under any of these orders.
--
-- The token names the call that claimed a row, and which of the call's rows with this key it is. It tells a call that is repeated because
-- its answer was lost from a second message.
-- Both what is accepted and what is in flight are compared: with A committed and B in flight, a new A is the third row, not a duplicate
-- of the first.
local epoch, writer, call, is_merged = ARGV[1], ARGV[2], ARGV[3], ARGV[5] == '1'
if not is_epoch(epoch) then return { 'lost' } end
if redis.call('SISMEMBER', KEYS[3], writer) == 1 then return { 'fenced' } end

local now
local function time()
  local parts = redis.call('TIME')
  return parts[1] * 1000 + math.floor(parts[2] / 1000)
end

local lives = {}
local function alive(other)
  if lives[other] == nil then
    now = now or time()
    local ends = tonumber(redis.call('ZSCORE', KEYS[2], other) or 0)
    local length = tonumber(redis.call('ZSCORE', KEYS[2], other .. ' length') or 0)
    -- A lease that ends further ahead than it is long was given before this server's clock was set back. It lasts its length
    -- from now on: a writer that lives renews it, and what a dead one holds does not wait until the clock has caught up.
    if ends > now + length then
      ends = now + length
      redis.call('ZADD', KEYS[2], ends, other)
    end
    lives[other] = ends > now and redis.call('SISMEMBER', KEYS[3], other) == 0
  end
  return lives[other]
end

local keys, contents = read_rows(ARGV[4])
local ledger = open_hash(KEYS[4], keys)

-- A message that is told that its row is a duplicate of one in flight may go on, because the message that holds the row is not
-- acknowledged, and brings it again if its writer dies. Two kinds of merged rows are not brought again:
-- - the tombstone of a line: once another message has forgotten the line (close.lua), or no line points from one side to the other any
--   more, no message makes it
-- - a row that was made once more after a rebuild: the records that it was made of have landed. Its order ends in `+` and nine digits
--   (remergedAt in merge/rows.ts)
-- So each message that asks for such a row waits until it is durable, or makes it durable.
local function is_left(claim)
  return is_merged and (is_tombstone(claim.hash) or string.sub(claim.held, -10, -10) == '+')
end

-- In these functions `row` is what is asked for: its place in the call, hash, order and token; and what is known of its key: accepted,
-- in_flight.

local function replace(row, claim, orders, owners, token)
  local lines = ''
  for line in string.gmatch(row.in_flight, '[^\n]+') do
    lines = lines .. (line == claim.line and write_claim(claim.hash, orders, owners, token) or '\n' .. line)
  end
  ledger.set(row.at, write_key(row.accepted, lines))
end

-- A newer message of the same content was told that it is a duplicate. From then on a late message with an order in between
-- is stale.
local function note(row, claim)
  replace(row, claim, claim.orders .. '\r' .. row.order, claim.owners, claim.token)
end

local function take_over(row, claim)
  redis.call('SADD', KEYS[3], claim.owner)
  local orders = row.order
  for other in string.gmatch(claim.orders, '[^\r]+') do
    if other ~= row.order then orders = orders .. '\r' .. other end
  end
  replace(row, claim, orders, writer .. ',' .. claim.owners, row.token)
  return 'T', claim.owners .. ' ' .. claim.orders
end

-- The answer to a message that needs a row in flight to become durable. If its writer dies, this message has to bring the row.
local function wait_for(row, claim)
  if claim.owner == writer then
    if before(claim.newest, row.order) then note(row, claim) end
    return 'H', claim.held
  end
  if alive(claim.owner) then return 'B' end
  return take_over(row, claim)
end

local function judge(row)
  local hash, order = row.hash, row.order
  local latest
  if row.accepted then
    -- See writeFormed in content.ts.
    local formed_at, formed = string.match(row.accepted, '^~(.......)(.*)$')
    local its_hash, its_order = read_content(formed or row.accepted)
    latest = { hash = its_hash, newest = its_order, formed_at = formed_at }
  end

  for line in string.gmatch(row.in_flight, '[^\n]+') do
    local claim = read_claim(line)
    if claim.owner == writer and claim.token == row.token then
      -- This call was made before, and its answer was lost: give the same answer again.
      if claim.owners == writer then return 'A' end
      return 'T', string.sub(claim.owners, #writer + 2) .. ' ' .. claim.orders
    end
    if claim.hash == hash and has_order(claim, order) then
      if is_left(claim) then return wait_for(row, claim) end
      -- A newer message holds the row now, and is delivered again if necessary. It may have met the other side of the merge
      -- already.
      if claim.owner == writer or before(order, claim.held) then return 'D' end
      if alive(claim.owner) then return 'B' end
      return take_over(row, claim)
    end
    -- At the same order the claim counts: its content is known, and the committed one may not be (recovery/doubts.ts).
    if latest == nil or not before(claim.newest, latest.newest) then latest = claim end
  end

  if latest == nil then
    if is_merged and is_tombstone(hash) then
      -- A tombstone closes the row of its key. Where a merge has no row, there is nothing to write: both sides are in the output, and tell
      -- that there is none. (The tombstone of a record is written in any case. If it were only noted here, an older record of the key that
      -- comes late would bring the key back once this ledger was lost.) But a row of an older order may still be claimed, by a writer that
      -- met the line just before it was dropped. So that the row is stale then, the tombstone is noted.
      ledger.set(row.at, hash .. order)
      return 'D'
    end
  elseif hash == latest.hash then
    if latest.owner and is_left(latest) then return wait_for(row, latest) end
    if not before(latest.newest, order) then return 'D' end
    if not latest.owner then
      ledger.set(row.at, write_key(hash .. order, row.in_flight))
    elseif latest.owner == writer then
      note(row, latest)
    elseif alive(latest.owner) then
      -- If that writer dies, its message may not bring this merged row again, because this message has replaced it. So this
      -- message must wait for it.
      return 'B'
    else
      return take_over(row, latest)
    end
    return 'D'
  elseif before(order, latest.newest) then
    return 'S'
  elseif latest.formed_at and order == latest.newest then
    return 'F', latest.formed_at
  end
  ledger.set(row.at, write_key(row.accepted, row.in_flight .. write_claim(hash, order, writer, row.token)))
  return 'A'
end

local reply, letters, repeats = { 'ok', '' }, {}, {}
local behind = '\31' .. writer .. ' ' .. call
for at = 1, #keys do
  local content, known, first = contents[at], ledger.get(at), ledger.first(at)
  if not known and first == at and not (is_merged and is_tombstone(content)) then
    -- As judge() would do. Most records are new, and the only ones of their keys.
    ledger.set(at, '\n' .. content .. behind)
    letters[at] = 'A'
  else
    local token = call
    if first ~= at then
      repeats[first] = (repeats[first] or 0) + 1
      token = call .. '.' .. repeats[first]
    end
    if known == content then
      letters[at] = 'D'
    else
      local accepted, in_flight = read_key(known)
      local hash, order = read_content(content)
      local row = { at = at, hash = hash, order = order, token = token, accepted = accepted, in_flight = in_flight }
      letters[at], reply[#reply + 1] = judge(row)
    end
  end
end
ledger.write()
reply[2] = table.concat(letters)
return reply
