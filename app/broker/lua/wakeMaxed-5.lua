--[[
  Wake a waiting worker after an end has made room under the queue's global concurrency.

  KEYS[1]  meta         HASH  the queue's settings
  KEYS[2]  active       LIST
  KEYS[3]  wait         LIST
  KEYS[4]  prioritized  ZSET
  KEYS[5]  marker       ZSET  wakes waiting workers

  Returns  1 if a worker was woken
  BullMQ needs none: its worker fetches the next job with each finish. Here a claim has a token of its own, so nobody
  would look until the next add.
]]
local paused, concurrency = unpack(redis.call("HMGET", KEYS[1], "paused", "concurrency"))
if paused or not concurrency or redis.call("LLEN", KEYS[2]) >= tonumber(concurrency) then
  return 0
end
if redis.call("LLEN", KEYS[3]) == 0 and redis.call("ZCARD", KEYS[4]) == 0 then
  return 0
end
redis.call("ZADD", KEYS[5], 0, "0")
return 1
