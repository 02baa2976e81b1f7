--[[ Writes an entry unless a newer one stands there.
  KEYS[1]  entry    HASH    as_of (ms since the epoch), run, result
  ARGV[1]  as_of    integer when the data was asked for, ms since the epoch
  ARGV[2]  run      integer the run's number in the ledger
  ARGV[3]  result   string  JSON
  ARGV[4]  ttl      integer seconds
  Returns  1 written, 0 a newer one was kept
  Equal is written: a re-fill from SQL renews the time to live. ]]
local stands = redis.call('HMGET', KEYS[1], 'as_of', 'run')
local as_of, run = tonumber(stands[1]), tonumber(stands[2])
local new_as_of, new_run = tonumber(ARGV[1]), tonumber(ARGV[2])
if as_of and (as_of > new_as_of or (as_of == new_as_of and run > new_run)) then
  return 0
end
redis.call('HSET', KEYS[1], 'as_of', ARGV[1], 'run', ARGV[2], 'result', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
