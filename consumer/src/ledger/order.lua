-- Put before each script that compares orders. Lua's own < asks the server's locale (strcoll), where punctuation may
-- not count; orders are compared byte by byte, as everywhere else in Tributary.
local function before(a, b)
  local byte, length = string.byte, math.min(#a, #b)
  for i = 1, length do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
