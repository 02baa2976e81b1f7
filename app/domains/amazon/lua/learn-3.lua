--[[ A call was answered: refusals are over, and the rate is what Amazon says.

  KEYS[1]  bucket   HASH    see bucket.lua
  KEYS[2]  line     ZSET    who waits, by place
  KEYS[3]  told     ZSET    who waits, by the time (ms) they were told to come back
  ARGV[1]  now      ms, or '' for Redis TIME
  ARGV[2]  rate     tokens a second, or '' if Amazon did not say
  ARGV[3]  burst    what the bucket holds
  ARGV[4]  grace    ms, as for ask

  Returns nothing. A bucket that is gone stays gone. ]]
local kept = redis.call('HMGET', KEYS[1], 'rate', 'refusals')
if not kept[1] then return end
if kept[2] then redis.call('HDEL', KEYS[1], 'refusals') end
local said = tonumber(ARGV[2])
if not said or math.abs(said - tonumber(kept[1])) < 0.000000001 then return end
local now, burst = clock(ARGV[1]), tonumber(ARGV[3])
-- What has come in until now came in at the old rate.
local tokens = read_bucket(KEYS[1], nil, now, kept[1], burst)
write_bucket(KEYS[1], KEYS[2], KEYS[3], now, tokens, said, burst, tonumber(ARGV[4]))
