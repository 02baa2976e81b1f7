--[[ Amazon refused a call (429): the bucket is empty, whatever we thought, and stays so for a pause.

  KEYS[1]  bucket   HASH    see bucket.lua
  KEYS[2]  line     ZSET    who waits, by place
  KEYS[3]  told     ZSET    who waits, by the time (ms) they were told to come back
  ARGV[1]  now      ms, or '' for Redis TIME
  ARGV[2]  holder   whose call it was; gets the first place, since it had waited its turn
  ARGV[3]  rate     tokens a second until Amazon says otherwise
  ARGV[4]  burst    what the bucket holds
  ARGV[5]  grace    ms after which a place is lost whose holder did not come
  ARGV[6]  pause    ms after the first refusal; doubles with each in a row
  ARGV[7]  longest  ms, the cap of the pause
  ARGV[8]  jitter   factor on the pause
  ARGV[9]  at_least ms Amazon asked for, or 0

  Returns the time in ms at which the holder's token will be there. ]]
local now = clock(ARGV[1])
local burst, grace = tonumber(ARGV[4]), tonumber(ARGV[5])
local _, rate = read_bucket(KEYS[1], nil, now, ARGV[3], burst)
local refusals = redis.call('HINCRBY', KEYS[1], 'refusals', 1)
local pause = math.min(tonumber(ARGV[6]) * 2 ^ (refusals - 1), tonumber(ARGV[7])) * tonumber(ARGV[8])
pause = math.max(pause, tonumber(ARGV[9]))

local tokens = -rate * pause / 1000
local due = math.ceil(now + (1 - tokens) / rate * 1000)
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
redis.call('ZADD', KEYS[2], (tonumber(first) or 1) - 1, ARGV[2])
redis.call('ZADD', KEYS[3], due, ARGV[2])
write_bucket(KEYS[1], KEYS[2], KEYS[3], now, tokens, rate, burst, grace)
return due
