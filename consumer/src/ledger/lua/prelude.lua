-- This file is put before each script.

-- Whether the ledger is the one that the caller began with. A server that restarted may hold the same epoch again, from a
-- snapshot that lacks the last commits, so the epoch's name holds the id of the server's run as well. A service that hides
-- this id is taken as one that never restarts.
local function is_epoch(epoch)
  if redis.call('GET', KEYS[1]) ~= epoch then return false end
  local info = redis.pcall('INFO', 'server')
  local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)')
  return not run or string.find(epoch, '.' .. string.sub(run, 1, 16) .. '.', 1, true) ~= nil
end

-- Lua's own < compares as the server's locale does (strcoll), where punctuation may not count. Orders are compared byte by
-- byte, as everywhere else in Tributary.
local function before(a, b)
  if a == b then return false end
  local byte, length = string.byte, math.min(#a, #b)
  -- Most orders differ late, because versions of one key share their beginning. A step of eight bytes costs as much as one
  -- of a single byte.
  local i = 1
  while i + 7 <= length and string.sub(a, i, i + 7) == string.sub(b, i, i + 7) do i = i + 8 end
  for at = i, length do
    local x, y = byte(a, at), byte(b, at)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Reads rows from one argument, "key LF hash LF order LF" for each row. One long argument costs the client less than hundreds
-- of short ones. No key, hash or order can hold a line feed.
-- Returns three lists.
local function read_rows(rows)
  local keys, hashes, orders = {}, {}, {}
  for key, hash, order in string.gmatch(rows, '([^\n]*)\n([^\n]*)\n([^\n]*)\n') do
    local at = #keys + 1
    keys[at], hashes[at], orders[at] = key, hash, order
  end
  return keys, hashes, orders
end

-- Reads some fields of a hash with one command, to be written back with one or two. A command for each field would cost more
-- than all the other work of a script. Nothing is written before write(). There must be fewer than 4,000 fields, because
-- Lua's unpack has a limit.
local function open_hash(name, fields)
  local values, changed, touched = {}, {}, {}
  for at, value in ipairs(redis.call('HMGET', name, unpack(fields))) do values[fields[at]] = value end

  local hash = {}
  -- false for a field that is not there
  function hash.get(field) return values[field] end
  -- false removes the field
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

-- Reads a row in flight: "owners token hash orders". The owners are the writers that held it, the present one first, with
-- commas between them. The orders have CR between them: first that of the message that holds the row, then all others under
-- which its content was asked for. The row may have landed under any of them.
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
