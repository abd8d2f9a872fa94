-- Claims rows before they are written: one call for the rows of one dataset in a micro-batch.
--
-- KEYS: epoch, leases (zset: writer -> end of its lease, ms), fenced (set of writers), ledger (hash), claims (hash)
-- ARGV: epoch, writer, then for each row: key, hash, order
-- Returns {'ok', verdict, verdict, ...}, {'lost'} or {'fenced'}.
--
-- A verdict:  A accept   D duplicate   S stale   B busy (another live writer holds this very row)
--             T<owners>  accept, taken over from a dead writer, which is fenced from now on. The owners are all that
--                        held it, commas between them: the row may have landed in the parts of any.
--
-- ledger: key -> "hash order", the last accepted content.
-- claims: key -> lines "owners hash order", rows in flight, the present owner first.
-- Both are looked at: with A committed and B in flight, a new A is the third row, not a duplicate of the first.
local epoch, writer = ARGV[1], ARGV[2]
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

-- The hash of a tombstone begins with a dash. It closes what is there; where nothing is, there is nothing to close.
local function is_tombstone(hash) return string.sub(hash, 1, 1) == '-' end

local function take_over(key, in_flight, owners, hash, order)
  redis.call('SADD', KEYS[3], (string.match(owners, '^[^,]+')))
  local theirs, lines = owners .. ' ' .. hash .. ' ' .. order, {}
  for line in string.gmatch(in_flight, '[^\n]+') do lines[#lines + 1] = line == theirs and writer .. ',' .. line or line end
  redis.call('HSET', KEYS[5], key, table.concat(lines, '\n'))
  return 'T' .. owners
end

local function judge(key, hash, order)
  local committed = redis.call('HGET', KEYS[4], key)
  local in_flight = redis.call('HGET', KEYS[5], key)
  local latest_hash, latest_order
  if committed then latest_hash, latest_order = string.match(committed, '^(%S+) (.*)$') end

  if in_flight then
    for owners, claimed_hash, claimed_order in string.gmatch(in_flight, '(%S+) (%S+) ([^\n]+)') do
      if claimed_hash == hash and claimed_order == order then
        local owner = string.match(owners, '^[^,]+')
        if alive(owner) and owner ~= writer then return 'B' end
        if owner ~= writer then return take_over(key, in_flight, owners, hash, order) end
        -- The answer to the first call was lost on its way: say it again.
        return owners == owner and 'A' or 'T' .. string.sub(owners, #owner + 2)
      end
      if latest_order == nil or before(latest_order, claimed_order) then
        latest_hash, latest_order = claimed_hash, claimed_order
      end
    end
  end

  if latest_order == nil then
    if is_tombstone(hash) then return 'D' end
  elseif hash == latest_hash then
    -- The same content, seen again later: what comes late from in between is stale then, not the newest.
    if before(latest_order, order) and committed == latest_hash .. ' ' .. latest_order then
      redis.call('HSET', KEYS[4], key, hash .. ' ' .. order)
    end
    return 'D'
  elseif before(order, latest_order) then
    return 'S'
  end
  local claim = writer .. ' ' .. hash .. ' ' .. order
  redis.call('HSET', KEYS[5], key, in_flight and in_flight .. '\n' .. claim or claim)
  return 'A'
end

local reply = { 'ok' }
for i = 3, #ARGV, 3 do reply[#reply + 1] = judge(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return reply
