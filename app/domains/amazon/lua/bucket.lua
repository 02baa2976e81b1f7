-- What the budget scripts share; put before each of them. A bucket is a hash:
--   tokens    calls that may be made at once; negative while a refusal is waited out
--   at        when that was so, ms
--   rate      tokens a second, as Amazon last said
--   seq       the last place given out in the line
--   refusals  429s in a row

-- One clock for all workers: Redis' own, unless a test gives the time.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
end

-- Tokens and rate now. No bucket is a full one (it lives for as long as it takes to fill), but after a loss of
-- Redis only as full as the time since then has made it.
local function read_bucket(key, lost_key, now, seed_rate, burst)
  local kept = redis.call('HMGET', key, 'tokens', 'at', 'rate')
  local rate = tonumber(kept[3] or seed_rate)
  if kept[1] then
    local passed = math.max(0, now - tonumber(kept[2]))
    return math.min(burst, tonumber(kept[1]) + rate * passed / 1000), rate
  end
  local lost_at = lost_key and redis.call('GET', lost_key)
  if lost_at then return math.min(burst, rate * math.max(0, now - tonumber(lost_at)) / 1000), rate end
  return burst, rate
end

-- Every key lives until the whole line could have been served and the bucket is full again, and a grace.
local function write_bucket(key, line, told, now, tokens, rate, burst, grace)
  redis.call('HSET', key, 'tokens', string.format('%.9f', tokens), 'at', string.format('%.3f', now),
    'rate', string.format('%.9f', rate))
  local ttl = math.ceil((burst - tokens + redis.call('ZCARD', line)) / rate * 1000 + grace)
  redis.call('PEXPIRE', key, ttl)
  redis.call('PEXPIRE', line, ttl)
  redis.call('PEXPIRE', told, ttl)
end
