--[[
  End many jobs of one queue.

  KEYS[1]   wait         LIST    ids, newest first
  KEYS[2]   active       LIST    ids, newest first
  KEYS[3]   prioritized  ZSET
  KEYS[4]   events       STREAM
  KEYS[5]   stalled      SET     ids that a stalled check has marked
  KEYS[6]   meta         HASH    the queue's settings
  KEYS[7]   marker       ZSET    wakes waiting workers
  KEYS[8]   completed    ZSET    ids by end
  KEYS[9]   failed       ZSET    ids by end
  KEYS[10]  metrics:completed  HASH      KEYS[11]  its data  LIST
  KEYS[12]  metrics:failed     HASH      KEYS[13]  its data  LIST
  ARGV[1]   prefix     string  <prefix>:<queue>:
  ARGV[2]   timestamp  number  ms
  ARGV[3]   points     number  minutes of counts that are kept, 0 for none
  ARGV[4…]  seven a job: id, token, "completed" or "failed", its value or reason, attempts allowed,
            retention as "count" or "count age" (count -1 keeps all, 0 removes at once; age in seconds),
            stacktrace ("" for none; with one, it and the reason are written even to a job that is kept)

  Returns  a code a job: 0 ended; 1 not for this script (a parent, children, a deduplication id, or retention that meets
           such a job): take moveToFinished; -1 no such job; -2 lock missing; -3 not active; -6 another's lock
  Events   completed or failed, retries-exhausted, drained
  Differs from BullMQ moveToFinished: many jobs a call; see code 1; never fetches; wakes a worker if the end made room
           under a global concurrency.
]]
local rcall = redis.call
local waitKey, activeKey, prioritizedKey, eventsKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local stalledKey, metaKey, markerKey = KEYS[5], KEYS[6], KEYS[7]
local SETS = { completed = KEYS[8], failed = KEYS[9] }
local METRICS = { completed = { KEYS[10], KEYS[11] }, failed = { KEYS[12], KEYS[13] } }
local FIELDS = { completed = "returnvalue", failed = "failedReason" }
local prefix, timestamp, points = ARGV[1], ARGV[2], tonumber(ARGV[3])

local function trimEvents()
  local max = rcall("HGET", metaKey, "opts.maxLenEvents")
  if not max then
    max = 10000
    rcall("HSET", metaKey, "opts.maxLenEvents", max)
  end
  rcall("XTRIM", eventsKey, "MAXLEN", "~", max)
end

local function aged(set, age)
  return age and rcall("ZREVRANGEBYSCORE", set, timestamp - age * 1000, "-inf", "LIMIT", 0, 1000) or {}
end

-- The ids that are not among the newest; a negative count keeps all.
local function beyond(set, newest)
  return newest >= 0 and rcall("ZREVRANGE", set, newest, -1) or {}
end

local function areAllOrdinary(ids)
  for _, jobId in ipairs(ids) do
    if rcall("HEXISTS", prefix .. jobId, "parentKey") == 1 then
      return false
    end
  end
  return true
end

local function remove(jobKey)
  rcall("DEL", jobKey, jobKey .. ":logs", jobKey .. ":dependencies", jobKey .. ":processed", jobKey .. ":failed",
    jobKey .. ":unsuccessful")
end

local function trim(set, ids)
  for _, jobId in ipairs(ids) do
    remove(prefix .. jobId)
    rcall("ZREM", set, jobId)
  end
end

local function countMetric(kind)
  local metaOf, data = METRICS[kind][1], METRICS[kind][2]
  local before = rcall("HINCRBY", metaOf, "count", 1) - 1
  local previous = rcall("HGET", metaOf, "prevTS")
  if not previous then
    rcall("HSET", metaOf, "prevTS", timestamp, "prevCount", 0)
    return
  end
  local minutes = math.min(math.floor(timestamp / 60000) - math.floor(previous / 60000), points)
  if minutes < 1 then
    return
  end
  rcall("LPUSH", data, before - rcall("HGET", metaOf, "prevCount"))
  for _ = 2, minutes do
    rcall("LPUSH", data, 0)
  end
  rcall("LTRIM", data, 0, points - 1)
  rcall("HSET", metaOf, "prevCount", before, "prevTS", timestamp)
end

-- A count that is no number starts again: it must not keep the others of this call from their ends.
local function oneMore(count)
  local number = tonumber(count or 0)
  return number and number % 1 == 0 and number + 1 or 1
end

-- Locks and stalled marks go at once, at the end.
local released, isReleased, locks = {}, {}, {}

local function release(jobId, lockKey)
  released[#released + 1], locks[#locks + 1] = jobId, lockKey
  isReleased[jobId] = true
end

local function finish(jobId, token, kind, value, attempts, retention, stacktrace)
  local jobKey, lockKey = prefix .. jobId, prefix .. jobId .. ":lock"
  local attributes = rcall("HMGET", jobKey, "parentKey", "deid", "rjk", "atm", "name")
  if not attributes[5] and rcall("EXISTS", jobKey) == 0 then
    return -1
  end
  if attributes[1] or attributes[2] or attributes[3]
    or rcall("EXISTS", jobKey .. ":dependencies", jobKey .. ":processed", jobKey .. ":unsuccessful") > 0 then
    return 1
  end
  local set = SETS[kind]
  local count, age = string.match(retention, "^(-?%d+) ?(%d*)$")
  count, age = tonumber(count), tonumber(age)
  -- Of those beyond the count, one more than now: this job is about to join them.
  if count ~= 0 and not (areAllOrdinary(aged(set, age)) and areAllOrdinary(beyond(set, math.max(count - 1, -1)))) then
    return 1
  end
  local holder = not isReleased[jobId] and rcall("GET", lockKey)
  if holder ~= token then
    return holder and -6 or -2
  end
  release(jobId, lockKey)
  if stacktrace ~= "" then
    rcall("HSET", jobKey, "failedReason", value, "stacktrace", stacktrace)
  end
  if rcall("LREM", activeKey, -1, jobId) < 1 then
    return -3
  end
  local made = oneMore(attributes[4])
  if count == 0 then
    remove(jobKey)
  else
    rcall("ZADD", set, timestamp, jobId)
    rcall("HSET", jobKey, "atm", made, FIELDS[kind], value, "finishedOn", timestamp)
    if kind == "failed" then
      rcall("HDEL", jobKey, "defa")
    end
    trim(set, aged(set, age))
    trim(set, beyond(set, count))
  end
  rcall("XADD", eventsKey, "*", "event", kind, "jobId", jobId, FIELDS[kind], value, "prev", "active")
  if kind == "failed" and made >= tonumber(attempts) then
    rcall("XADD", eventsKey, "*", "event", "retries-exhausted", "jobId", jobId, "attemptsMade", made)
  end
  if points > 0 then
    countMetric(kind)
  end
  return 0
end

local function isDrained()
  return rcall("LLEN", waitKey) == 0 and rcall("LLEN", activeKey) == 0 and rcall("ZCARD", prioritizedKey) == 0
end

local function wakeIfRoom()
  local paused, concurrency = unpack(rcall("HMGET", metaKey, "paused", "concurrency"))
  if not paused and concurrency and rcall("LLEN", activeKey) < tonumber(concurrency)
    and (rcall("LLEN", waitKey) > 0 or rcall("ZCARD", prioritizedKey) > 0) then
    rcall("ZADD", markerKey, 0, "0")
  end
end

local codes = {}
local ended = false
for i = 4, #ARGV, 7 do
  local code = finish(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
  codes[#codes + 1] = code
  ended = ended or code == 0
end
if #released > 0 then
  rcall("DEL", unpack(locks))
  rcall("SREM", stalledKey, unpack(released))
end
if ended then
  trimEvents()
  if isDrained() then
    rcall("XADD", eventsKey, "*", "event", "drained")
  end
  wakeIfRoom()
end
return codes
