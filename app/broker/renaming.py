"""A queue under another name: every key of it renamed in one step, so that there is no moment in between.

The old name may hold a colon, as BullMQ allowed it once (CONTRACTS C4); the new one may not.
"""

from __future__ import annotations

import re
from typing import Any

from redis import Redis

from app.broker.errors import BrokerError
from app.broker.keys import QueueKeys

#: KEYS[1] the old meta. Pauses the queue, and remembers that this did; returns how many jobs run.
_HOLD = """
local base = ARGV[1]
if redis.call('HSETNX', KEYS[1], 'paused', '1') == 1 then
  redis.call('HSET', KEYS[1], 'renaming', '1')
  if redis.call('EXISTS', base .. 'wait') == 1 then redis.call('RENAME', base .. 'wait', base .. 'paused') end
  redis.call('DEL', base .. 'marker')
end
return redis.call('LLEN', base .. 'active')
"""

#: ARGV: old and new base, and the old one as a pattern. Returns the number of keys, -1 while jobs run, -2 where the
#: new queue has jobs. What a start has set of the new queue stays; what was paused before stays paused.
_RENAME = """
local old, new, pattern = ARGV[1], ARGV[2], ARGV[3]
if redis.call('LLEN', old .. 'active') > 0 then return -1 end
for state in string.gmatch('wait paused active prioritized delayed waiting-children completed failed', '%S+') do
  if redis.call('EXISTS', new .. state) == 1 then return -2 end
end
local cursor, found = '0', {}
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do found[key] = true end
until cursor == '0'
local set = redis.call('HGETALL', new .. 'meta')
local renamed = 0
for key in pairs(found) do
  redis.call('RENAME', key, new .. string.sub(key, #old + 1))
  renamed = renamed + 1
end
for place = 1, #set, 2 do redis.call('HSET', new .. 'meta', set[place], set[place + 1]) end
if redis.call('HDEL', new .. 'meta', 'renaming') == 1 then
  redis.call('HDEL', new .. 'meta', 'paused')
  if redis.call('EXISTS', new .. 'paused') == 1 then redis.call('RENAME', new .. 'paused', new .. 'wait') end
end
redis.call('ZADD', new .. 'marker', 0, '0')
return renamed
"""

PAGE = 1_000


class NotRenamed(BrokerError):
    """Something stands in the way of a renaming; nothing has moved."""


def exists(redis: Redis, prefix: str, name: str) -> bool:
    """Whether Redis holds a queue of that name."""
    return bool(redis.exists(f"{prefix}:{name}:meta"))


def hold(redis: Redis, prefix: str, name: str) -> int:
    """Let nothing more be claimed from it; returns how many jobs still run. Said again, it only counts."""
    base = f"{prefix}:{name}:"
    return int(redis.register_script(_HOLD)(keys=[f"{base}meta"], args=[base]))


def refuse_what_cannot_be_renamed(redis: Redis, prefix: str, name: str) -> None:
    """Raises NotRenamed for a queue whose jobs belong to flows, or beneath whose name another queue's keys are."""
    base = f"{prefix}:{name}:"
    page: list[str] = []
    for key in redis.scan_iter(match=f"{_literal(base)}*", count=PAGE):
        if key.endswith(":meta") and key != f"{base}meta":
            raise NotRenamed(f"queue {key.removeprefix(prefix + ':').removesuffix(':meta')!r} is beneath {name!r}")
        if key.endswith((":dependencies", ":processed")):
            raise NotRenamed(_of_a_flow(name, key.removeprefix(base).partition(":")[0]))
        page.append(key)
        if len(page) == PAGE:
            _refuse_children(redis, name, base, page)
            page.clear()
    _refuse_children(redis, name, base, page)


def rename(redis: Redis, prefix: str, old: str, new: str) -> int:
    """Every key at once; returns how many there were. A queue that ``hold`` has paused goes on. Raises NotRenamed."""
    args = [f"{prefix}:{old}:", QueueKeys(prefix, new).base, f"{_literal(f'{prefix}:{old}:')}*"]
    reply = int(redis.register_script(_RENAME)(args=args))
    if reply == -1:
        raise NotRenamed(f"jobs of queue {old!r} run: stop its workers, and try again")
    if reply == -2:
        raise NotRenamed(f"queue {new!r} has jobs of its own: drain and clean it, or take another name")
    return reply


def _refuse_children(redis: Redis, name: str, base: str, keys: list[str]) -> None:
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hexists(key, "parentKey")
        replies: list[Any] = pipe.execute(raise_on_error=False)  # most keys that are no hash are no job
    for key, is_child in zip(keys, replies, strict=True):
        if is_child is True:
            raise NotRenamed(_of_a_flow(name, key.removeprefix(base)))


def _of_a_flow(name: str, job_id: str) -> str:
    whose = f"job {job_id!r} of queue {name!r} belongs to a flow"
    return f"{whose}, which names the queue: let flows end first, or clean them"


def _literal(text: str) -> str:
    """As a glob pattern that matches itself alone."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)
