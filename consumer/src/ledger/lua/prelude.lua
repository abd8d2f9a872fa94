-- Put before each script.

-- Whether the ledger is the one that the caller began with. A server that restarted may hold the epoch again, from a
-- snapshot that lacks the last commits, so the epoch's name tells its run as well. A service may hide its runs: it is
-- taken as one that never restarts.
local function is_epoch(epoch)
  if redis.call('GET', KEYS[1]) ~= epoch then return false end
  local info = redis.pcall('INFO', 'server')
  local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)')
  return not run or string.find(epoch, '.' .. string.sub(run, 1, 16) .. '.', 1, true) ~= nil
end

-- Lua's own < asks the server's locale (strcoll), where punctuation may not count; orders are
-- compared byte by byte, as everywhere else in Tributary.
local function before(a, b)
  if a == b then return false end
  local byte, length = string.byte, math.min(#a, #b)
  -- Most differ late: versions of one key share their beginning. Eight bytes a step cost as much as one.
  local i = 1
  while i + 7 <= length and string.sub(a, i, i + 7) == string.sub(b, i, i + 7) do i = i + 8 end
  for at = i, length do
    local x, y = byte(a, at), byte(b, at)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Rows as they are asked for: "key LF hash LF order LF" each, all in one argument. One long argument costs the client
-- less than hundreds of short ones. None of the three can hold a line feed.
-- Returns three lists.
local function read_rows(rows)
  local keys, hashes, orders = {}, {}, {}
  for key, hash, order in string.gmatch(rows, '([^\n]*)\n([^\n]*)\n([^\n]*)\n') do
    local at = #keys + 1
    keys[at], hashes[at], orders[at] = key, hash, order
  end
  return keys, hashes, orders
end

-- Some fields of a hash, read with one command and written back with one or two: a command for each of them would cost
-- more than all else that a script does. Nothing is written before write(). Fewer than 4,000 fields: Lua's unpack has an end.
local function open_hash(name, fields)
  local values, changed, touched = {}, {}, {}
  for at, value in ipairs(redis.call('HMGET', name, unpack(fields))) do values[fields[at]] = value end

  local hash = {}
  -- false for a field that is not there
  function hash.get(field) return values[field] end
  -- false takes the field away
  function hash.set(field, value)
    values[field] = value
    if not touched[field] then changed[#changed + 1], touched[field] = field, true end
  end
  function hash.write()
    local set, gone = {}, {}
    for _, field in ipairs(changed) do
      if values[field] then
        set[#set + 1] = field
        set[#set + 1] = values[field]
      else
        gone[#gone + 1] = field
      end
    end
    if #set > 0 then redis.call('HSET', name, unpack(set)) end
    if #gone > 0 then redis.call('HDEL', name, unpack(gone)) end
  end
  return hash
end

-- A row in flight: "owners token hash orders". Owners have commas between them, the present one first. Orders have CR
-- between them: first that of the message that holds it, then all others under which its content was asked for; it may
-- have landed under any of them.
local function read_claim(line)
  local owners, token, hash, orders = string.match(line, '^(%S+) (%S+) (%S+) (.*)$')
  local claim = { line = line, owners = owners, owner = string.match(owners, '^[^,]+'), token = token, hash = hash, orders = orders }
  for order in string.gmatch(orders, '[^\r]+') do
    claim.held = claim.held or order
    if not claim.newest or before(claim.newest, order) then claim.newest = order end
  end
  return claim
end

local function has_order(claim, order)
  return string.find('\r' .. claim.orders .. '\r', '\r' .. order .. '\r', 1, true) ~= nil
end
