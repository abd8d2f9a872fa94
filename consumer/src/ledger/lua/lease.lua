-- Takes or renews a writer's lease. A lease that ran out may be renewed until another consumer has fenced the writer.
-- Its length is kept beside its end, under "writer length", for a clock that is set back (alive in claim.lua).
--
-- KEYS: epoch, leases, fenced      ARGV: epoch, writer, length in ms (0 gives the lease back)
-- Returns 'ok', 'lost' or 'fenced'.
if not is_epoch(ARGV[1]) then return 'lost' end
if redis.call('SISMEMBER', KEYS[3], ARGV[2]) == 1 then return 'fenced' end
if ARGV[3] == '0' then
  redis.call('ZREM', KEYS[2], ARGV[2], ARGV[2] .. ' length')
else
  local time = redis.call('TIME')
  local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[3])
  redis.call('ZADD', KEYS[2], ends, ARGV[2], ARGV[3], ARGV[2] .. ' length')
end
return 'ok'
