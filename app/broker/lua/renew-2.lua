--[[
  Keep the locks of many active jobs; take again those that have lapsed.

  KEYS[1]  active   LIST    ids, newest first
  KEYS[2]  stalled  SET     ids that a stalled check has marked
  ARGV[1]  prefix   string  <prefix>:<queue>:
  ARGV[2]  lock     number  ms
  ARGV[3…] two a job: id, the claim's token

  Returns  {lost, absent}: the ids that another token locks; and those unlocked and no longer active, which are left
           alone: they have ended, or Redis forgot them, and neither makes them anybody else's
  Differs from BullMQ extendLocks: an absent lock (a lapse, a lost write) is no loss while the job is still active.
]]
local rcall = redis.call
local activeKey, stalledKey, prefix, lockMs = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

local lost, absent = {}, {}
for i = 3, #ARGV, 2 do
  local jobId, token = ARGV[i], ARGV[i + 1]
  local lockKey = prefix .. jobId .. ":lock"
  local holder = rcall("GET", lockKey)
  if holder and holder ~= token then
    lost[#lost + 1] = jobId
  elseif holder or rcall("LPOS", activeKey, jobId) then
    rcall("SET", lockKey, token, "PX", lockMs)
    rcall("SREM", stalledKey, jobId)
  else
    absent[#absent + 1] = jobId
  end
end
return {lost, absent}
