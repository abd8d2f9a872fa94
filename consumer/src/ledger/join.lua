-- The merge's state. Each accepted record puts its own side in and reads the other in one step, so of two records
-- that arrive at the same time on two instances, the one that comes second sees the first.
--
-- KEYS: epoch, fenced, each (hash: key -> side), with (hash: key -> side), refs (zset of "with-key NUL each-key"),
--       open (hash: each-key -> ids of lines that may have a merged row, NUL between them)
-- A side is "order NUL payload". A line's id is the with-key that it points at, or that, \1 and a number.
--
-- ARGV: epoch, writer, then one of
--   'each', key, order, payload, line id, line id, ...
--     Returns {'ok', with-side or '', ..., 'closed', line id, with-side or '', ...}: the sides of its lines as given,
--     then the lines that it has no more.
--   'with', key, order, payload, after, count
--     Returns {'ok', each-key, each-side, ...}: up to `count` records that point at it, behind `after`.
-- {'superseded'} if a newer record of the key is in: whoever brought that one merges it.
local epoch, writer, kind, key, order, payload = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not is_epoch(epoch) then return { 'lost' } end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return { 'fenced' } end

local own = kind == 'each' and KEYS[3] or KEYS[4]
local stored = redis.call('HGET', own, key)
local stored_order = stored and string.match(stored, '^(%Z*)')
if stored_order and before(order, stored_order) then return { 'superseded' } end
local side = order .. '\0' .. payload
if stored ~= side then redis.call('HSET', own, key, side) end

local reply = { 'ok' }
if kind == 'each' then
  local lines, targets, open = {}, {}, {}
  for i = 7, #ARGV do
    local target = string.match(ARGV[i], '^[^\1]*')
    lines[ARGV[i]], targets[target] = true, true
    open[#open + 1] = ARGV[i]
    redis.call('ZADD', KEYS[5], 0, target .. '\0' .. key)
    reply[#reply + 1] = redis.call('HGET', KEYS[4], target) or ''
  end
  reply[#reply + 1] = 'closed'
  -- What was open stays open until its tombstone is committed (close.lua), so that a crash in between repeats it.
  for line in string.gmatch(redis.call('HGET', KEYS[6], key) or '', '%Z+') do
    if not lines[line] then
      local target = string.match(line, '^[^\1]*')
      if not targets[target] then redis.call('ZREM', KEYS[5], target .. '\0' .. key) end
      open[#open + 1] = line
      reply[#reply + 1] = line
      reply[#reply + 1] = redis.call('HGET', KEYS[4], target) or ''
    end
  end
  if #open > 0 then redis.call('HSET', KEYS[6], key, table.concat(open, '\0')) end
else
  local from = ARGV[7] == '' and '[' .. key .. '\0' or '(' .. key .. '\0' .. ARGV[7]
  for _, ref in ipairs(redis.call('ZRANGEBYLEX', KEYS[5], from, '[' .. key .. '\0\255', 'LIMIT', 0, tonumber(ARGV[8]))) do
    local each = string.sub(ref, #key + 2)
    reply[#reply + 1] = each
    reply[#reply + 1] = redis.call('HGET', KEYS[3], each) or ''
  end
end
return reply
