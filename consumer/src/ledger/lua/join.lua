-- The state of one merge. Each accepted record stores its own side and reads the other in one step. So of two records that
-- arrive at the same time on two consumers, the second sees the first.
--
-- KEYS: epoch, fenced, each (hash: key -> side), with (hash: key -> side), refs (zset of "with-key NUL each-key"),
--       open (hash: each-key -> ids of lines that may have a merged row, NUL between them),
--       awaited (hash: each-key NUL line id NUL place -> order). A rebuild writes it, where the merged row of a line tells of a newer
--       with-side than had landed. The line meets none that is older than that.
-- A side is "order NUL payload", with the order as order.ts writes it. A line's id is the with-key that it points at; from the second line to the same key on, \1
-- and a number follow. In a star a line points at several with-keys, with \2 between them. Those behind the first are called "key \2 place" in
-- `with` and `refs`, for records of several entities may have the same key.
--
-- ARGV: epoch, writer, kind, records, count (of 'with'), places (how many with-keys a line points at; 1 if left out)
--   A record of 'each' is "key US order US payload US", then the id of each of its lines with a US behind it, then LF.
--   A record of 'with' is "key US order US payload US after US LF". Keys and ids hold no control character but the \1, and
--   payloads are JSON, so none of them holds LF or US.
-- Returns {'lost'}, {'fenced'} or {'ok', {with-side, ...}, answer, answer, ...}. An answer is
--   of 'each': {index, ..., line id, index, ...}: the sides of its lines in their order, then the lines that it has dropped; of each line
--     as many as there are places. An index counts the with-sides of the reply, which holds each of them once; 0 stands for none,
--     and -1 for one that is awaited
--   of 'with': {each-key, each-side, ...}: up to `count` records that point at it, after the key `after`. In a star, behind each of them:
--     how many of its lines point at it, then for each of these line id, index, ... (0 in the place of the record itself)
--   0 if a newer record of the key is stored: the message that brought it merges it.
local epoch, writer, kind = ARGV[1], ARGV[2], ARGV[3]
if not is_epoch(epoch) then return { 'lost' } end
if redis.call('SISMEMBER', KEYS[2], writer) == 1 then return { 'fenced' } end

local keys, side_orders, payloads, rests = {}, {}, {}, {}
do
  local records, from, at, find, sub = ARGV[4], 1, 0, string.find, string.sub
  while from <= #records do
    local behind_key = find(records, '\31', from, true)
    local behind_order = find(records, '\31', behind_key + 1, true)
    local behind_payload = find(records, '\31', behind_order + 1, true)
    local behind = find(records, '\n', behind_payload + 1, true)
    at = at + 1
    keys[at], side_orders[at] = sub(records, from, behind_key - 1), sub(records, behind_key + 1, behind_order - 1)
    payloads[at], rests[at] = sub(records, behind_order + 1, behind_payload - 1), sub(records, behind_payload + 1, behind - 1)
    from = behind + 1
  end
end
local own_sides = open_hash(kind == 'each' and KEYS[3] or KEYS[4], keys)
local open_lines = kind == 'each' and open_hash(KEYS[6], keys)

-- Stores a side, unless a newer one of its key is there. Returns whether it was stored.
local function put_in(at, order, payload)
  local stored = own_sides.get(at)
  local stored_order = stored and string.match(stored, '^(%Z*)')
  if stored_order and before(order, stored_order) then return false end
  local side = order .. '\0' .. payload
  if stored ~= side then own_sides.set(at, side) end
  return true
end

-- The pointers that this call sets (true) or removes (false), to be written by one command each: a command for each would cost more
-- than all the rest of a line.
local refs = {}
local function write_refs()
  local set, gone = {}, {}
  -- In pieces: Lua's unpack has a limit.
  local function write()
    if #gone > 0 then redis.call('ZREM', KEYS[5], unpack(gone)) end
    if #set > 0 then redis.call('ZADD', KEYS[5], unpack(set)) end
    set, gone = {}, {}
  end
  for ref, is_set in pairs(refs) do
    if is_set then
      set[#set + 1], set[#set + 2] = 0, ref
    else
      gone[#gone + 1] = ref
    end
    if #set >= 2000 or #gone >= 2000 then write() end
  end
  write()
end

local sides, indexes = {}, {}
local function side_of(target)
  if not indexes[target] then
    local side = redis.call('HGET', KEYS[4], target)
    if side then sides[#sides + 1] = side end
    indexes[target] = side and #sides or 0
  end
  return indexes[target]
end

-- Nearly always nothing is awaited.
local awaits = redis.call('EXISTS', KEYS[7]) == 1
-- What a line finds at one of its places
local function found_at(key, line, place, target)
  local index = side_of(target)
  local order = awaits and redis.call('HGET', KEYS[7], key .. '\0' .. line .. '\0' .. place)
  if order and (index == 0 or before(string.match(sides[index], '^(%Z*)'), order)) then return -1 end
  return index
end

local places = tonumber(ARGV[6] or 1)
-- Calls a function with the name of each with-side that a line points at, its place, and the line.
local function for_targets(id, visit)
  local targets = string.match(id, '^[^\1]*')
  if places == 1 then return visit(targets, 0, id) end
  local place = 0
  for target in string.gmatch(targets .. '\2', '([^\2]*)\2') do
    if place < places then visit(place == 0 and target or target .. '\2' .. place, place, id) end
    place = place + 1
  end
  -- A line of a time when the merge had fewer sides
  for missing = place, places - 1 do visit('\2' .. missing, missing, id) end
end

local NONE = {}
local function join_each(at, key, ids)
  local was_open = open_lines.get(at)
  -- Many records never have lines.
  if ids == '' and not was_open then return NONE end
  local answer, lines, targets, open = {}, {}, {}, {}
  local function meet(target, place, id)
    targets[target] = true
    refs[target .. '\0' .. key] = true
    answer[#answer + 1] = found_at(key, id, place, target)
  end
  for id in string.gmatch(ids, '([^\31]*)\31') do
    lines[id] = true
    open[#open + 1] = id
    for_targets(id, meet)
  end
  local function drop(target)
    if not targets[target] then refs[target .. '\0' .. key] = false end
    answer[#answer + 1] = side_of(target)
  end
  -- A line that was open stays open until its tombstone is committed (close.lua), so that a crash in between repeats the
  -- tombstone.
  for line in string.gmatch(was_open or '', '%Z+') do
    if not lines[line] then
      open[#open + 1] = line
      answer[#answer + 1] = line
      for_targets(line, drop)
    end
  end
  local is_open = table.concat(open, '\0')
  if is_open ~= (was_open or '') then open_lines.set(at, is_open) end
  return answer
end

-- The other sides of those lines of a record that point at this one.
local function meet_others(key, each, answer)
  answer[#answer + 1] = 0
  local counted = #answer
  for line in string.gmatch(redis.call('HGET', KEYS[6], each) or '', '%Z+') do
    local found, points = { line }, false
    for_targets(line, function(target, place)
      if target == key then points = true end
      found[#found + 1] = target == key and 0 or found_at(each, line, place, target)
    end)
    if points then
      answer[counted] = answer[counted] + 1
      for _, one in ipairs(found) do answer[#answer + 1] = one end
    end
  end
end

local function join_with(key, after, count)
  local answer = {}
  local from = after == '' and '[' .. key .. '\0' or '(' .. key .. '\0' .. after
  for _, ref in ipairs(redis.call('ZRANGEBYLEX', KEYS[5], from, '[' .. key .. '\0\255', 'LIMIT', 0, tonumber(count))) do
    local each = string.sub(ref, #key + 2)
    answer[#answer + 1] = each
    answer[#answer + 1] = redis.call('HGET', KEYS[3], each) or ''
    if places > 1 then meet_others(key, each, answer) end
  end
  return answer
end

local reply = { 'ok', sides }
for at, key in ipairs(keys) do
  local answer = 0
  if put_in(at, side_orders[at], payloads[at]) then
    if kind == 'each' then
      answer = join_each(at, key, rests[at])
    else
      answer = join_with(key, string.match(rests[at], '^[^\31]*'), ARGV[5])
    end
  end
  reply[at + 2] = answer
end
write_refs()
own_sides.write()
if open_lines then open_lines.write() end
return reply
