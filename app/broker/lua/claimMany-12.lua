--[[
  Claim up to as many jobs as there are tokens.

  KEYS[1]   wait         LIST    ids, newest first
  KEYS[2]   active       LIST    ids, newest first
  KEYS[3]   prioritized  ZSET    ids by priority * 2^32 + counter
  KEYS[4]   events       STREAM
  KEYS[5]   stalled      SET     not used: the keys are those of moveToActive
  KEYS[6]   limiter      STRING  starts in this window
  KEYS[7]   delayed      ZSET    ids by (due ms) * 2^12 + counter
  KEYS[8]   paused       LIST    not used
  KEYS[9]   meta         HASH    the queue's settings
  KEYS[10]  pc           STRING  counter of the prioritized
  KEYS[11]  marker       ZSET    wakes waiting workers
  KEYS[12]  epoch        STRING  the prefix's own: what Redis is known to have kept since then
  ARGV[1]   prefix     string  <prefix>:<queue>:
  ARGV[2]   timestamp  number  ms
  ARGV[3]   lock       number  ms; half of it for a job with a crash
  ARGV[4]   worker     string  its name
  ARGV[5]   epoch      string  what KEYS[12] must hold, empty if it must be absent; "*" for anything
  ARGV[6…]  tokens     string  one a job, used in order

  Returns  {{id, {field, value, …}} …}, ms until the limit ends, ms of the next delayed job (0 for none, or while jobs
           wait); "closed" and nothing done if it is another epoch
  Events   waiting for a promoted job, active for a claimed one
  Differs from BullMQ moveToActive: many jobs a call; none in another epoch; delayed jobs are promoted once a call; it stops behind a job with a
           crash, which must run alone, and locks it for half the time: it may lose its next host, too, before it has started.
]]
local rcall = redis.call
local waitKey, activeKey, prioritizedKey, eventsKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local limiterKey, delayedKey, metaKey, pcKey, markerKey = KEYS[6], KEYS[7], KEYS[9], KEYS[10], KEYS[11]
local prefix, timestamp, lockMs, worker = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local epoch = ARGV[5]
local wanted = #ARGV - 5

if epoch ~= "*" and (rcall("GET", KEYS[12]) or "") ~= epoch then
  return "closed"
end

local settings = rcall("HMGET", metaKey, "paused", "concurrency", "max", "duration")
local paused, concurrency, limit, window = settings[1], tonumber(settings[2]), tonumber(settings[3]), settings[4]

local function isMaxed()
  return concurrency and rcall("LLEN", activeKey) >= concurrency
end

local function promoteDue()
  local due = rcall("ZRANGEBYSCORE", delayedKey, 0, (timestamp + 1) * 0x1000 - 1, "LIMIT", 0, 1000)
  if #due == 0 then
    return
  end
  rcall("ZREM", delayedKey, unpack(due))
  for _, jobId in ipairs(due) do
    local jobKey = prefix .. jobId
    local priority = tonumber(rcall("HGET", jobKey, "priority")) or 0
    if priority == 0 then
      rcall("LPUSH", waitKey, jobId)
    else
      rcall("ZADD", prioritizedKey, priority * 0x100000000 + rcall("INCR", pcKey) % 0x100000000, jobId)
    end
    rcall("XADD", eventsKey, "*", "event", "waiting", "jobId", jobId, "prev", "delayed")
    rcall("HSET", jobKey, "delay", 0)
  end
  if not (paused or isMaxed()) then
    rcall("ZADD", markerKey, 0, "0")
  end
end

local function limitedForMs()
  if not limit or limit > tonumber(rcall("GET", limiterKey) or 0) then
    return 0
  end
  local left = rcall("PTTL", limiterKey)
  if left == 0 then
    rcall("DEL", limiterKey)
  end
  return math.max(left, 0)
end

local function next()
  local jobId = rcall("RPOPLPUSH", waitKey, activeKey)
  if jobId then
    return jobId
  end
  local popped = rcall("ZPOPMIN", prioritizedKey)
  if #popped > 0 then
    rcall("LPUSH", activeKey, popped[1])
    return popped[1]
  end
  rcall("DEL", pcKey)
end

local function countStart(jobKey)
  if limit and rcall("HEXISTS", jobKey, "defa") == 0 and rcall("INCR", limiterKey) == 1 then
    rcall("PEXPIRE", limiterKey, math.floor(math.abs(window)))
  end
end

-- A count that is no number starts again: it must not keep the others of this call from their claims.
local function oneMore(count)
  local number = tonumber(count or 0)
  return number and number % 1 == 0 and number + 1 or 1
end

local function start(jobId, token)
  local jobKey = prefix .. jobId
  countStart(jobKey)
  local fields = rcall("HGETALL", jobKey)
  local starts, crashed = 1, false
  for i = 1, #fields, 2 do
    if fields[i] == "ats" then
      starts = oneMore(fields[i + 1])
    elseif fields[i] == "stc" then
      crashed = true
    end
  end
  rcall("SET", jobKey .. ":lock", token, "PX", crashed and math.ceil(lockMs / 2) or lockMs)
  rcall("XADD", eventsKey, "*", "event", "active", "jobId", jobId, "prev", "waiting")
  rcall("HSET", jobKey, "processedOn", timestamp, "pb", worker, "ats", starts)
  -- Later fields win over those of an earlier claim.
  for _, text in ipairs({ "processedOn", timestamp, "pb", worker, "ats", tostring(starts) }) do
    fields[#fields + 1] = text
  end
  return { jobId, fields }, crashed
end

promoteDue()
local claimed = {}
local limitedMs = 0
local isEmpty = false
for i = 1, wanted do
  limitedMs = limitedForMs()
  if limitedMs > 0 or paused or isMaxed() then
    break
  end
  local jobId = next()
  isEmpty = not jobId
  if isEmpty then
    break
  end
  local job, crashed = start(jobId, ARGV[5 + i])
  claimed[#claimed + 1] = job
  if crashed then
    break
  end
end
if #claimed > 0 then
  rcall("ZADD", markerKey, 0, "0")
end

local nextDelayed = 0
if isEmpty then
  local first = rcall("ZRANGE", delayedKey, 0, 0, "WITHSCORES")
  nextDelayed = first[2] and math.floor(tonumber(first[2]) / 0x1000) or 0
end
return { claimed, limitedMs, nextDelayed }
