--[[
  Give back active jobs whose worker has died, or stops: each to the front of where it came from, charged or not.

  KEYS[1]  active       LIST    ids, newest first
  KEYS[2]  wait         LIST    ids, newest first
  KEYS[3]  stalled      SET     ids that a stalled check has marked
  KEYS[4]  meta         HASH    the queue's settings
  KEYS[5]  prioritized  ZSET    ids by priority * 2^32 + counter
  KEYS[6]  marker       ZSET    wakes waiting workers
  KEYS[7]  events       STREAM
  ARGV[1]  prefix       string  <prefix>:<queue>:
  ARGV[2]  max stalled  number  crashes that a job survives
  ARGV[3]  crash        string  why a job that exceeds them fails
  ARGV[4…] four a job, oldest claim first: id, the claim's token, "1" to charge a crash,
           a verdict ("" for none): the reason for which its next claim fails it

  Returns  the ids given back; not among them: jobs that another token locks, or that are no longer active
  Events   waiting; stalled for a charged job
  Differs from BullMQ moveJobFromActiveToWait: many jobs a call; a lapsed lock of a job still active is no
           obstacle; counts the crash (stc, defa); writes the marker for prioritized jobs too; a job whose hash
           is gone only leaves the active list.
  Differs from BullMQ moveStalledJobsToWait: nothing has to lapse first; prioritized jobs keep their priority;
           jobs of a scheduler have the same cap.
]]
local rcall = redis.call
local activeKey, waitKey, stalledKey, metaKey, prioritizedKey, markerKey, eventsKey =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local prefix, maxStalled, crash = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local function isPausedOrMaxed()
  local paused, concurrency = unpack(rcall("HMGET", metaKey, "paused", "concurrency"))
  if paused then
    return true
  end
  return concurrency and rcall("LLEN", activeKey) >= tonumber(concurrency)
end

local function maxEvents()
  local max = rcall("HGET", metaKey, "opts.maxLenEvents")
  if not max then
    max = 10000
    rcall("HSET", metaKey, "opts.maxLenEvents", max)
  end
  return max
end

local function emit(max, event, jobId, ...)
  rcall("XADD", eventsKey, "MAXLEN", "~", max, "*", "event", event, "jobId", jobId, ...)
end

local function leaveActive(jobId, token)
  local lockKey = prefix .. jobId .. ":lock"
  local holder = rcall("GET", lockKey)
  if (holder and holder ~= token) or rcall("LREM", activeKey, 1, jobId) == 0 then
    return false
  end
  rcall("DEL", lockKey)
  rcall("SREM", stalledKey, jobId)
  return rcall("EXISTS", prefix .. jobId) == 1
end

local function chargeCrash(jobKey)
  if rcall("HINCRBY", jobKey, "stc", 1) > maxStalled then
    rcall("HSET", jobKey, "defa", crash)
  end
end

local function pushInFront(jobKey, jobId)
  local priority = tonumber(rcall("HGET", jobKey, "priority")) or 0
  if priority > 0 then
    rcall("ZADD", prioritizedKey, priority * 0x100000000, jobId)
  else
    rcall("RPUSH", waitKey, jobId)
  end
  if not isPausedOrMaxed() then
    rcall("ZADD", markerKey, 0, "0")
  end
end

local max = maxEvents()
local given = {}
-- The oldest claim goes back last, and so to the very front.
for i = #ARGV - 3, 4, -4 do
  local jobId, token, charged, verdict = ARGV[i], ARGV[i + 1], ARGV[i + 2] == "1", ARGV[i + 3]
  local jobKey = prefix .. jobId
  if leaveActive(jobId, token) then
    if charged then
      chargeCrash(jobKey)
    end
    if verdict ~= "" then
      rcall("HSET", jobKey, "defa", verdict)
    end
    pushInFront(jobKey, jobId)
    emit(max, "waiting", jobId, "prev", "active")
    if charged then
      emit(max, "stalled", jobId)
    end
    given[#given + 1] = jobId
  end
end
return given
