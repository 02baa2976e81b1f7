--[[
  Add many jobs to one queue.

  KEYS[1]   wait         LIST    ids, newest first
  KEYS[2]   prioritized  ZSET    ids by priority * 2^32 + counter
  KEYS[3]   delayed      ZSET    ids by (due ms) * 2^12 + counter
  KEYS[4]   active       LIST
  KEYS[5]   completed    ZSET    not used: a job that was added before stays as it is
  KEYS[6]   events       STREAM
  KEYS[7]   meta         HASH    the queue's settings
  KEYS[8]   id           STRING  counter of ids
  KEYS[9]   pc           STRING  counter of the prioritized
  KEYS[10]  marker       ZSET    wakes waiting workers
  KEYS[11]  paused       LIST    not used
  ARGV[1]   prefix  string  <prefix>:<queue>:
  ARGV[2…]  ten a job: id, name, timestamp (ms), data (JSON), options (JSON), delay (ms), priority,
            "R" for a job that goes first (lifo), else "L", attempts made, crashes

  Returns  the timestamp of the job that now has each id: its own, or another's if the id was taken
  Events   added, and waiting or delayed; duplicated for a taken id
  Differs from BullMQ addStandardJob, addPrioritizedJob and addDelayedJob: many jobs a call, of all three kinds; the
           options come as they are stored. Jobs with a parent, children or a deduplication id are not for this script.
]]
local rcall = redis.call
local waitKey, prioritizedKey, delayedKey, activeKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local eventsKey, metaKey, idKey, pcKey, markerKey = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local prefix = ARGV[1]

local settings = rcall("HMGET", metaKey, "paused", "concurrency", "opts.maxLenEvents")
local maxEvents = settings[3]
if not maxEvents then
  maxEvents = 10000
  rcall("HSET", metaKey, "opts.maxLenEvents", maxEvents)
end
local wake = not settings[1]
if wake and settings[2] then
  wake = rcall("LLEN", activeKey) < tonumber(settings[2])
end

local function dueScore(timestamp, delay)
  local due = tonumber(timestamp) + delay
  local first, last = due * 0x1000, (due + 1) * 0x1000 - 1
  local newest = rcall("ZREVRANGEBYSCORE", delayedKey, last, first, "WITHSCORES", "LIMIT", 0, 1)[2]
  if newest then
    return math.min(tonumber(newest) + 1, last), due
  end
  return first, due
end

local function add(jobId, name, timestamp, data, opts, delay, priority, side, attemptsMade, crashes)
  local jobKey = prefix .. jobId
  if rcall("EXISTS", jobKey) == 1 then
    rcall("XADD", eventsKey, "MAXLEN", "~", maxEvents, "*", "event", "duplicated", "jobId", jobId)
    return rcall("HGET", jobKey, "timestamp")
  end
  rcall("HSET", jobKey, "name", name, "data", data, "opts", opts, "timestamp", timestamp, "delay", delay,
    "priority", priority)
  if tonumber(attemptsMade) > 0 then
    rcall("HSET", jobKey, "atm", attemptsMade)
  end
  if tonumber(crashes) > 0 then
    rcall("HSET", jobKey, "stc", crashes)
  end
  rcall("XADD", eventsKey, "*", "event", "added", "jobId", jobId, "name", name)
  if tonumber(delay) > 0 then
    local score, due = dueScore(timestamp, tonumber(delay))
    rcall("ZADD", delayedKey, score, jobId)
    rcall("XADD", eventsKey, "MAXLEN", "~", maxEvents, "*", "event", "delayed", "jobId", jobId, "delay", due)
    return timestamp
  end
  if tonumber(priority) > 0 then
    rcall("ZADD", prioritizedKey, priority * 0x100000000 + rcall("INCR", pcKey) % 0x100000000, jobId)
  else
    rcall(side .. "PUSH", waitKey, jobId)
  end
  rcall("XADD", eventsKey, "MAXLEN", "~", maxEvents, "*", "event", "waiting", "jobId", jobId)
  return timestamp
end

local timestamps = {}
local waits, delays = false, false
for i = 2, #ARGV, 10 do
  local delay = tonumber(ARGV[i + 5])
  local taken = rcall("EXISTS", prefix .. ARGV[i]) == 1
  timestamps[#timestamps + 1] = add(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5],
    ARGV[i + 6], ARGV[i + 7], ARGV[i + 8], ARGV[i + 9])
  if not taken then
    waits = waits or delay == 0
    delays = delays or delay > 0
  end
end
rcall("INCRBY", idKey, #timestamps)
if waits and wake then
  rcall("ZADD", markerKey, 0, "0")
end
if delays then
  local first = rcall("ZRANGE", delayedKey, 0, 0, "WITHSCORES")
  rcall("ZADD", markerKey, tonumber(first[2]) / 0x1000, "1")
end
return timestamps
