--[[
  Take a job that does not run out of wherever it waits, into the active list under a lock, so that it can be ended.

  KEYS[1]  active            LIST
  KEYS[2]  wait              LIST
  KEYS[3]  prioritized       ZSET
  KEYS[4]  delayed           ZSET
  KEYS[5]  waiting-children  ZSET
  KEYS[6]  completed         ZSET
  KEYS[7]  failed            ZSET
  KEYS[8]  job               HASH
  KEYS[9]  its lock          STRING
  ARGV[1]  id      string
  ARGV[2]  token   string  of the taker
  ARGV[3]  lock    number  ms
  ARGV[4]  reason  string  for a job that runs: its next claim, if there is one, fails it with this; empty for none

  Returns  "taken"; "active" for a job that somebody runs; "ended"; "missing"
]]
local rcall = redis.call
local jobId = ARGV[1]
if rcall("EXISTS", KEYS[8]) == 0 then
  return "missing"
end
if rcall("ZSCORE", KEYS[6], jobId) or rcall("ZSCORE", KEYS[7], jobId) then
  return "ended"
end
if rcall("LPOS", KEYS[1], jobId) then
  if ARGV[4] ~= "" then
    rcall("HSET", KEYS[8], "defa", ARGV[4])
  end
  return "active"
end
local moved = rcall("LREM", KEYS[2], 1, jobId) + rcall("ZREM", KEYS[3], jobId)
  + rcall("ZREM", KEYS[4], jobId) + rcall("ZREM", KEYS[5], jobId)
if moved == 0 then
  return "missing"
end
rcall("LPUSH", KEYS[1], jobId)
rcall("SET", KEYS[9], ARGV[2], "PX", ARGV[3])
return "taken"
