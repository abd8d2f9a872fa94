-- This file is put before each script.

-- Whether the ledger is the one that the caller began with. A server that restarted may hold the same epoch again, from a
-- snapshot that lacks the last commits, so the epoch's name holds the id of the server's run as well. A service that hides
-- this id is taken as one that never restarts.
local function is_epoch(epoch)
  if redis.call('GET', KEYS[1]) ~= epoch then return false end
  local info = redis.pcall('INFO', 'server')
  -- A search for plain text takes a tenth of the time of one for a pattern.
  local _, ends = string.find(type(info) == 'string' and info or '', 'run_id:', 1, true)
  return not ends or string.find(epoch, '.' .. string.sub(info, ends + 1, ends + 16) .. '.', 1, true) ~= nil
end

-- The first place where two texts differ. Most orders differ late, because versions of one key share their beginning. A step of eight
-- bytes costs as much as one of a single byte.
local function first_difference(a, b)
  local byte, sub, length = string.byte, string.sub, math.min(#a, #b)
  local at = 1
  while at + 7 <= length and sub(a, at, at + 7) == sub(b, at, at + 7) do at = at + 8 end
  while at <= length and byte(a, at) == byte(b, at) do at = at + 1 end
  return at
end

-- Lua's own < compares as the server's locale does (strcoll), where punctuation may not count. Orders are compared byte by
-- byte, as everywhere else in Tributary.
local function is_less(a, b, at) return (string.byte(a, at) or -1) < (string.byte(b, at) or -1) end

-- Reads an order back into the text that order.ts and version.ts wrote it from. Nearly no comparison needs that.
local DIGITS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'

local function number_of(text)
  local number = 0
  for digit in string.gmatch(text, '.') do number = number * 64 + string.find(DIGITS, digit, 1, true) - 1 end
  return number
end

local function time_of(number, fractions, width)
  local function take(count)
    local part = number % count
    number = (number - part) / count
    return part
  end
  local fraction, second, minute, hour = take(fractions), take(60), take(60), take(24)
  local day, month = take(31) + 1, take(12) + 1
  local form = '%04d-%02d-%02dT%02d:%02d:%02d.%0' .. width .. 'd'
  return string.format(form, number + 1970, month, day, hour, minute, second, fraction)
end

local VERSIONS = {
  n = { 0, function() return '' end },
  i = { 9, function(number) return string.format('%020.0f', number) end },
  m = { 7, function(number) return time_of(number, 1000, 3) end },
  u = { 9, function(number) return (string.gsub(time_of(number, 1000000, 6), '0+$', '')) end },
}

local function side_order_text(text)
  local version = VERSIONS[string.sub(text, 1, 1)]
  if not version then return string.sub(text, 2) end
  local from = version[1] + 2
  local hex = string.gsub(string.sub(text, from, from + 21), '..', function(two)
    return string.format('%03x', number_of(two))
  end)
  local id = string.gsub(hex, '^(........)(....)(....)(....)(............).*$', '%1-%2-%3-%4-%5')
  local place, stamp = string.match(text, '^([^+]*)(.*)$', from + 22)
  if place ~= '' then place = string.format('.%07d', number_of(place)) end
  return version[2](number_of(string.sub(text, 2, from - 1))) .. ' ' .. id .. place .. stamp
end

local function order_text(order)
  return (string.gsub(order, '[^\t]+', side_order_text))
end

-- Whether an order is older than another. Where two orders differ in the letter that tells how a side is written (order.ts), what they
-- were written from is compared.
local function before(a, b)
  if a == b then return false end
  local at = first_difference(a, b)
  if at > 1 and string.byte(a, at - 1) ~= 9 then return is_less(a, b, at) end
  a, b = order_text(a), order_text(b)
  return is_less(a, b, first_difference(a, b))
end

-- Reads rows from one argument, "key LF content LF" for each row. One long argument costs the client less than hundreds
-- of short ones. No key or content can hold a line feed. Returns two lists.
local function read_rows(rows)
  local keys, contents, from, at = {}, {}, 1, 0
  local find, sub = string.find, string.sub
  while from <= #rows do
    -- Plain text again: a pattern would look at each character by itself.
    local behind_key = find(rows, '\n', from, true)
    local behind = find(rows, '\n', behind_key + 1, true)
    at = at + 1
    keys[at], contents[at] = sub(rows, from, behind_key - 1), sub(rows, behind_key + 1, behind - 1)
    from = behind + 1
  end
  return keys, contents
end

-- A content is a hash and an order (content.ts): 20 characters of the hash, with `!` before them if it is a tombstone, and then the order.
local function is_tombstone(content) return string.byte(content) == 33 end
local function read_content(content)
  local length = is_tombstone(content) and 21 or 20
  return string.sub(content, 1, length), string.sub(content, length + 1)
end

-- Reads fields of a hash with one command, to be written back with one or two. A command for each field would cost more
-- than all the other work of a script. Nothing is written before write(). There must be fewer than 4,000 fields, because
-- Lua's unpack has a limit. A field is named by its place in the list; the same field may stand there more than once.
local function open_hash(name, fields)
  local values, changed, firsts, places = redis.call('HMGET', name, unpack(fields)), {}, {}, {}
  for at = 1, #fields do
    local first = firsts[fields[at]]
    if not first then first, firsts[fields[at]] = at, at end
    places[at] = first
  end

  local hash = {}
  -- Where in the list the field stands for the first time
  function hash.first(at) return places[at] end
  -- false for a field that is not there
  function hash.get(at) return values[places[at]] end
  -- false removes the field
  function hash.set(at, value)
    local first = places[at]
    values[first], changed[first] = value, true
  end
  function hash.write()
    local set, gone, length = {}, {}, 0
    for at = 1, #fields do
      if changed[at] then
        local value = values[at]
        if value then
          set[length + 1], set[length + 2] = fields[at], value
          length = length + 2
        else
          gone[#gone + 1] = fields[at]
        end
      end
    end
    -- What removes goes first: a full Redis refuses a script whose first write needs memory, but lets it go on once it has written.
    if #gone > 0 then redis.call('HDEL', name, unpack(gone)) end
    if length > 0 then redis.call('HSET', name, unpack(set)) end
  end
  return hash
end

-- The ledger is one hash for each dataset: key -> the last accepted content, then "LF line" for each row in flight. Either may be missing.
-- The content has "~" and seven characters before it if it was made in another form (writeFormed in content.ts). Nearly always a key has one of the
-- two, and both steps of a record read one field and write one.

-- Returns the accepted content, or false, and the lines as one text.
local function read_key(known)
  if not known then return false, '' end
  local at = string.find(known, '\n', 1, true)
  if not at then return known, '' end
  return at > 1 and string.sub(known, 1, at - 1), string.sub(known, at)
end

-- What read_key reads; false if nothing is known of the key.
local function write_key(content, lines)
  local known = (content or '') .. lines
  return known ~= '' and known
end

-- A row in flight: "content [CR order ...] US owners SP token". The content is the row's under the order of the message that holds it. The
-- other orders are those under which its content was asked for too: it may have landed under any of them. The owners are the writers that
-- held the row, the present one first, with commas between them.
local function write_claim(hash, orders, owners, token)
  return '\n' .. hash .. orders .. '\31' .. owners .. ' ' .. token
end

local function read_claim(line)
  local contents, owners, token = string.match(line, '^([^\31]*)\31(%S+) (%S+)$')
  local hash, orders = read_content(contents)
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
