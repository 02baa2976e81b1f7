--[[ Take a token, or a place in the line for one.

  KEYS[1]  bucket   HASH    see bucket.lua
  KEYS[2]  line     ZSET    who waits, by place
  KEYS[3]  told     ZSET    who waits, by the time (ms) they were told to come back
  KEYS[4]  lost     STRING  when Redis lost its data, ms; absent if it never did
  ARGV[1]  now      ms, or '' for Redis TIME
  ARGV[2]  holder   who asks
  ARGV[3]  rate     tokens a second until Amazon says otherwise
  ARGV[4]  burst    what the bucket holds
  ARGV[5]  grace    ms after which a place is lost whose holder did not come

  Returns 0 (granted), or the time in ms at which the holder's token will be there.

  A place's time is now + (those ahead + 1 - tokens) / rate. It does not move as time passes or as those ahead are
  served, so fifty in the line have fifty times, and a newcomer is behind them all. Only what the bucket could not
  hold is lost: the holder who came on time takes from a full bucket even if those ahead are late. ]]
local now = clock(ARGV[1])
local holder, burst, grace = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local tokens, rate = read_bucket(KEYS[1], KEYS[4], now, ARGV[3], burst)

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - grace)) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('ZREM', KEYS[3], gone)
end

local place = redis.call('ZRANK', KEYS[2], holder)
local ahead = place or redis.call('ZCARD', KEYS[2])
local needed = ahead + 1
if place and tonumber(redis.call('ZSCORE', KEYS[3], holder)) <= now then needed = math.min(needed, burst) end

local due = 0
if tokens + 0.000001 >= needed then
  redis.call('ZREM', KEYS[2], holder)
  redis.call('ZREM', KEYS[3], holder)
  tokens = tokens - 1
else
  due = math.ceil(now + (ahead + 1 - tokens) / rate * 1000)
  if not place then redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[1], 'seq', 1), holder) end
  redis.call('ZADD', KEYS[3], due, holder)
end
write_bucket(KEYS[1], KEYS[2], KEYS[3], now, tokens, rate, burst, grace)
return due
