--[[
  Add many jobs to one queue.

  KEYS[1]   wait         LIST    ids, newest first
  KEYS[2]   prioritized  ZSET    ids by priority * 2^32 + counter
  KEYS[3]   delayed      ZSET    ids by (due ms) * 2^12 + counter
  KEYS[4]   active       LIST
  KEYS[5]   events       STREAM
  KEYS[6]   meta         HASH    the queue's settings
  KEYS[7]   id           STRING  counter of ids
  KEYS[8]   pc           STRING  counter of the prioritized
  KEYS[9]   marker       ZSET    wakes waiting workers
  ARGV[1]   prefix  string  <prefix>:<queue>:
  ARGV[2…]  six a job: id, or "" for the queue's next; name, timestamp (ms), data (JSON), options (JSON), and "" or,
            for a job that does not simply wait its turn, "<delay ms> <priority> <R for lifo, else L> <attempts made>
            <crashes>"

  Returns  the id of each job; "" where another job has it
  Events   added, and waiting or delayed; duplicated for a taken id
  Differs from BullMQ addStandardJob, addPrioritizedJob and addDelayedJob: many jobs a call, of all three kinds; the
           options come as they are stored; the counter passes over ids that are taken, whose jobs BullMQ would
           overwrite. Jobs with a parent, children or a deduplication id are not for this script.
]]
local rcall = redis.call
local waitKey, prioritizedKey, delayedKey, activeKey, eventsKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local metaKey, idKey, pcKey, markerKey = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local prefix = ARGV[1]
local COUNT = (#ARGV - 1) / 6

local settings = rcall("HMGET", metaKey, "paused", "concurrency", "opts.maxLenEvents")
local maxEvents = settings[3]
if not maxEvents then
  maxEvents = "10000"
  rcall("HSET", metaKey, "opts.maxLenEvents", maxEvents)
end
local wake = not settings[1]
if wake and settings[2] then
  wake = rcall("LLEN", activeKey) < tonumber(settings[2])
end
-- BullMQ counts every add, also one under an id of its own.
local counted = rcall("INCRBY", idKey, COUNT) - COUNT

local function nextId(number)
  local id = string.format("%.0f", number)
  while rcall("EXISTS", prefix .. id) == 1 do
    id = string.format("%.0f", rcall("INCR", idKey))
  end
  return id
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

local left, right = {}, {} -- ids for either end of wait
local waits, delays = false, false

-- Numbers stay strings: Redis takes longer to write a number.
local function add(jobId, name, timestamp, data, opts, delay, priority, side, attemptsMade, crashes)
  local jobKey = prefix .. jobId
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
    delays = true
    return
  end
  if tonumber(priority) > 0 then
    rcall("ZADD", prioritizedKey, tonumber(priority) * 0x100000000 + rcall("INCR", pcKey) % 0x100000000, jobId)
  elseif side == "R" then
    right[#right + 1] = jobId
  else
    left[#left + 1] = jobId
  end
  rcall("XADD", eventsKey, "MAXLEN", "~", maxEvents, "*", "event", "waiting", "jobId", jobId)
  waits = true
end

local ids = {}
for i = 2, #ARGV, 6 do
  counted = counted + 1
  local jobId, timestamp, how = ARGV[i], ARGV[i + 2], ARGV[i + 5]
  local taken = false
  if jobId == "" then
    jobId = nextId(counted)
  else
    taken = rcall("EXISTS", prefix .. jobId) == 1
  end
  if taken then
    rcall("XADD", eventsKey, "MAXLEN", "~", maxEvents, "*", "event", "duplicated", "jobId", jobId)
    -- Not a hash is not a job either; an error now would leave the jobs before it in no list.
    if redis.pcall("HGET", prefix .. jobId, "timestamp") ~= timestamp then
      jobId = ""
    end
  elseif how == "" then
    add(jobId, ARGV[i + 1], timestamp, ARGV[i + 3], ARGV[i + 4], "0", "0", "L", "0", "0")
  else
    add(jobId, ARGV[i + 1], timestamp, ARGV[i + 3], ARGV[i + 4], string.match(how, "(%S+) (%S+) (%S+) (%S+) (%S+)"))
  end
  ids[#ids + 1] = jobId
end

if left[1] then
  rcall("LPUSH", waitKey, unpack(left))
end
if right[1] then
  rcall("RPUSH", waitKey, unpack(right))
end
if waits and wake then
  rcall("ZADD", markerKey, 0, "0")
end
if delays then
  local first = rcall("ZRANGE", delayedKey, 0, 0, "WITHSCORES")
  rcall("ZADD", markerKey, tonumber(first[2]) / 0x1000, "1")
end
return ids
