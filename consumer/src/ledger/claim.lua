-- Claims rows before they are written: one call for the rows of one dataset in a micro-batch.
--
-- KEYS: epoch, leases (zset: writer -> end of its lease, ms), fenced (set of writers), ledger (hash), claims (hash)
-- ARGV: epoch, writer, call, then for each row: key, hash, order
-- Returns {'ok', verdict, verdict, ...}, {'lost'} or {'fenced'}.
--
-- A verdict:  A accept   D duplicate   S stale   B busy (another live writer holds this very message's row)
--             T<owners> <order>  accept, taken over from a dead writer, which is fenced from now on. The owners are all
--                that held it, commas between them: the row may have landed, under that order, in the parts of any.
--
-- ledger: key -> "hash order", the last accepted content.
-- claims: key -> lines "owners token hash order", rows in flight, the present owner first. The token names the row of
-- the call that claimed it, so that a call whose answer was lost, and a second message, are told apart.
-- Both are looked at: with A committed and B in flight, a new A is the third row, not a duplicate of the first.
local epoch, writer, call = ARGV[1], ARGV[2], ARGV[3]
if redis.call('GET', KEYS[1]) ~= epoch then return { 'lost' } end
if redis.call('SISMEMBER', KEYS[3], writer) == 1 then return { 'fenced' } end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lives = {}
local function alive(other)
  if lives[other] == nil then
    local lease = redis.call('ZSCORE', KEYS[2], other)
    lives[other] = lease and tonumber(lease) > now and redis.call('SISMEMBER', KEYS[3], other) == 0 or false
  end
  return lives[other]
end

-- The hash of a tombstone begins with a dash. It closes what is there; where nothing is, there is nothing to write.
local function is_tombstone(hash) return string.sub(hash, 1, 1) == '-' end

-- The row goes on under the order of whoever asks now.
local function take_over(key, in_flight, theirs, token, hash, order)
  redis.call('SADD', KEYS[3], (string.match(theirs.owners, '^[^,]+')))
  local ours, lines = writer .. ',' .. theirs.owners .. ' ' .. token .. ' ' .. hash .. ' ' .. order, {}
  for line in string.gmatch(in_flight, '[^\n]+') do lines[#lines + 1] = line == theirs.line and ours or line end
  redis.call('HSET', KEYS[5], key, table.concat(lines, '\n'))
  return 'T' .. theirs.owners .. ' ' .. theirs.order
end

local function judge(token, key, hash, order)
  local committed = redis.call('HGET', KEYS[4], key)
  local in_flight = redis.call('HGET', KEYS[5], key)
  local latest
  if committed then
    local its_hash, its_order = string.match(committed, '^(%S+) (.*)$')
    latest = { hash = its_hash, order = its_order }
  end

  for line in string.gmatch(in_flight or '', '[^\n]+') do
    local owners, its_token, its_hash, its_order = string.match(line, '^(%S+) (%S+) (%S+) (.*)$')
    local claim = { line = line, owners = owners, token = its_token, hash = its_hash, order = its_order }
    local owner = string.match(owners, '^[^,]+')
    if owner == writer and its_token == token then
      -- The answer to the first call was lost on its way: say it again.
      return owners == owner and 'A' or 'T' .. string.sub(owners, #owner + 2) .. ' ' .. its_order
    end
    if its_hash == hash and its_order == order then
      if owner == writer then return 'D' end
      if alive(owner) then return 'B' end
      return take_over(key, in_flight, claim, token, hash, order)
    end
    if latest == nil or before(latest.order, its_order) then latest = claim end
  end

  if latest == nil then
    if is_tombstone(hash) then
      -- A row of the time before may still be on its way here, claimed by whoever met the line just before it went.
      redis.call('HSET', KEYS[4], key, hash .. ' ' .. order)
      return 'D'
    end
  elseif hash == latest.hash then
    local owner = latest.owners and string.match(latest.owners, '^[^,]+')
    -- In flight with a writer that lives, its own message brings it. That of a dead one may be gone with its broker.
    if owner and owner ~= writer and not alive(owner) then
      return take_over(key, in_flight, latest, token, hash, order)
    end
    -- The same content, seen again later: what comes late from in between is stale then, not the newest.
    if not owner and before(latest.order, order) then redis.call('HSET', KEYS[4], key, hash .. ' ' .. order) end
    return 'D'
  elseif before(order, latest.order) then
    return 'S'
  end
  local claim = writer .. ' ' .. token .. ' ' .. hash .. ' ' .. order
  redis.call('HSET', KEYS[5], key, in_flight and in_flight .. '\n' .. claim or claim)
  return 'A'
end

local reply = { 'ok' }
for i = 4, #ARGV, 3 do reply[#reply + 1] = judge(call .. '.' .. i, ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return reply
