"""Jobs that no worker can run: each fails alone, in sight, with its reason (FAULTS 20, 21)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from app import db
from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from app.jobs.catalog import USER_UPDATES
from app.jobs.engine import find_queue
from app.ledger import queries
from app.models.job_status import JobStatus, Status
from app.settings import settings
from tests.broker.workers import WorkerProgram
from tests.faults.figures import keep_counts
from tests.servers import wait_for

Start = Callable[..., WorkerProgram]
#: The long forms run on either database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def queue(database: Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The main queue, with the ledger as its record."""
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    settings.cache_clear()
    yield find_queue(USER_UPDATES)
    settings.cache_clear()


@pytest.fixture
def others(redis_url: str, queue: Queue) -> Queue:
    """The same queue, as producers use it that keep no record."""
    return BullMQBroker(redis_url, prefix=settings().queue_prefix).queue(USER_UPDATES)


@pytest.fixture
def start(queue: Queue, database: Engine, tmp_path: Path) -> Iterator[Start]:
    """Starts worker programs of a release; ``grace_ms`` is the pause between two offers of an unknown job."""
    with ExitStack() as programs:

        def start_one(release: str, grace_ms: int) -> WorkerProgram:
            environment = {
                "DATABASE_URL": database.url.render_as_string(hide_password=False),
                "QUEUE_REDIS_URL": settings().queue_redis_url,
                "WORKER_CONCURRENCY": "4",
                "UNKNOWN_DELAY_MS": str(grace_ms),
                "RELEASE": release,
            }
            program = WorkerProgram("tests.faults.careful", environment, tmp_path / f"{release}.log")
            programs.callback(program.end)
            program.wait_until_ready()
            return program

        yield start_one


def rows(status: str | None = None) -> dict[str, JobStatus]:
    """Rows by their job's id: all, or those of a status."""
    found = select(JobStatus) if status is None else select(JobStatus).where(JobStatus.status == status)
    with db.reading() as session:
        return {row.job_id: row for row in session.scalars(found)}


def count(status: str) -> int:
    """How many rows have that status."""
    with db.reading() as session:
        return session.scalars(select(func.count()).where(JobStatus.status == status)).one()


def everything_ended(jobs: int) -> bool:
    """Whether there are that many rows, and all have ended."""
    found = rows()
    return len(found) == jobs and all(row.ended_at for row in found.values())


# --- 20: a rolling upgrade


@on_sqlite
def test_a_job_of_the_next_release_waits_for_its_worker(queue: Queue, start: Start) -> None:
    """The old worker does not fail it: it is put off, using no attempt, and runs once the new worker is there."""
    old = start("old", grace_ms=8_000)
    ids = [queue.add("triple", {"n": n}) for n in range(20)]
    wait_for(lambda: set(rows(Status.DELAYED)) == set(ids), "the old worker to put all of them off")

    start("new", grace_ms=8_000)
    old.terminate()
    wait_for(lambda: everything_ended(20), "the new worker to run them", 40)

    ended = rows(Status.COMPLETED)
    assert {job_id: row.return_value for job_id, row in ended.items()} == {one: 3 * n for n, one in enumerate(ids)}
    assert {row.attempts_made for row in ended.values()} == {1}


#: What another release may have added, and a part of the reason with which it fails.
FOREIGN: list[tuple[str, dict[str, Any], str]] = [
    ("divide", {"n": 1}, "no actor named 'divide'"),
    ("Double", {"n": 1}, "no actor named 'Double'"),
    ("double", {}, "n: Field required"),
    ("double", {"m": 1}, "m: Extra inputs are not permitted"),
    ("double", {"n": 1, "unit": "kg"}, "unit: Extra inputs are not permitted"),
    ("double", {"n": "1"}, "n: Input should be a valid integer"),
    ("double", {"n": None}, "n: Input should be a valid integer"),
]


def check_rolling_upgrade(queue: Queue, others: Queue, jobs: int) -> None:
    """Jobs of another release, half of them from producers without a record: each is a failed row with its reason."""
    for number in range(jobs):
        name, data, _ = FOREIGN[number % len(FOREIGN)]
        (queue if number % 2 else others).add(name, data, job_id=f"foreign-{number}", attempts=3)

    wait_for(lambda: everything_ended(jobs), f"{jobs} jobs to fail", 120)

    for number in range(jobs):
        row, reason = rows_of(number), FOREIGN[number % len(FOREIGN)][2]
        assert (row.status, reason in (row.error or "")) == (Status.FAILED, True), f"{row.job_id}: {row.error}"
        assert queue.job_state(row.job_id) == "failed"
    with db.reading() as session:
        assert len(session.scalars(queries.failed(limit=1_000)).all()) == jobs


def rows_of(number: int) -> JobStatus:
    """The row of one foreign job."""
    with db.reading() as session:
        return session.scalars(queries.job(f"foreign-{number}", USER_UPDATES)).one()


@on_sqlite
def test_every_job_of_another_release_is_a_failed_row_with_its_reason(
    queue: Queue, others: Queue, start: Start
) -> None:
    """Unknown name, missing, extra or wrong field: 100 % are in sight. Offers of unknown jobs are 100 ms apart here."""
    start("old", grace_ms=100)

    check_rolling_upgrade(queue, others, 140)


@pytest.mark.faults
def test_every_job_of_another_release_is_a_failed_row_within_the_real_grace(
    queue: Queue, others: Queue, start: Start
) -> None:
    """The same with the product's own pauses: three of 15 s."""
    start("old", grace_ms=15_000)

    check_rolling_upgrade(queue, others, 700)
    keep_counts("20", jobs=700, in_sight="700 of 700")


# --- 21: malformed jobs among good ones

#: Hashes that no producer would write. A key with None is left out.
MALFORMED: list[dict[str, str | None]] = [
    {"data": '{"n": '},
    {"data": "[1, 2]"},
    {"data": None},
    {"data": '{"n": NaN}'},
    {"data": "[" * 5_000},
    {"data": '{"n": 1e999}'},
    {"data": '{"n": "\\ud800"}'},
    {"data": "\x00\x01"},
    {"data": '{"m": 1}'},
    {"data": '{"n": 1, "__class__": "int"}'},
    {"data": '{"n": "' + "x" * 100_000 + '"}'},
    {"name": None},
    {"name": ""},
    {"name": "os.system"},
    {"name": "é" * 1_000},
    {"data": "7", "opts": '{"attempts": "many", "backoff": "soon"}'},
    {"data": "7", "opts": "no options"},
    {"data": "7", "opts": '{"attempts": 1e30, "removeOnFail": {"age": "x"}}'},
    {"data": "7", "opts": '{"dramatiq": "{", "kl": "x"}'},
    {"data": "7", "timestamp": "yesterday"},
    {"data": "7", "timestamp": "1e400"},
    {"data": "7", "timestamp": None},
    {"data": "7", "priority": "high", "delay": "long"},
    {"data": "7", "opts": '{"removeOnFail": "yes", "attempts": [3], "stackTraceLimit": -1}'},
    {"data": "7", "opts": '{"removeOnFail": {"count": "many", "limit": {}}, "attempts": {}}'},
    {"data": "7", "atm": "x"},
    {"data": "7", "ats": "x"},
    {"data": "7", "deid": "x", "rjk": "y"},
    {"data": "7", "defa": ""},
    {"data": "7", "stacktrace": "{}"},
    {"parentKey": "nobody"},
    {"parentKey": ""},
    {"parent": "{"},
    {"parent": "7"},
    {"parent": ""},
    {"parentKey": "bullmq:user-updates:1", "parent": "{}"},
    {"parentKey": "bullmq:user-updates:1", "parent": '{"id": ["1"], "queueKey": {}}'},
    {
        "parentKey": "bullmq:user-updates:1",
        "parent": '{"id": "1", "queueKey": "q", "x": ' + "[" * 5_000 + "]" * 5_000 + "}",
    },
    {"parentKey": "bullmq:user-updates:1", "parent": '{"id": "\\ud800", "queueKey": "q"}'},
]


def forge(queue: Queue, job_id: str, changed: dict[str, str | None]) -> None:
    """Write a job straight into Redis."""
    fields = {"name": "double", "data": '{"n": 1}', "opts": "{}", "timestamp": "1", "delay": "0", "priority": "0"}
    hashed = {field: value for field, value in {**fields, **changed}.items() if value is not None}
    with queue.redis.pipeline() as pipe:
        pipe.hset(queue.keys[job_id], mapping=hashed)  # type: ignore[arg-type]  # str is among what redis takes
        pipe.lpush(queue.keys["wait"], job_id)
        pipe.zadd(queue.keys["marker"], {"0": 0})
        pipe.execute()


def check_malformed_jobs(queue: Queue, start: Start) -> float:
    """All 1,000 good ones complete within 30 s, and every bad one is a failed row that says why. Returns the s."""
    worker = start("old", grace_ms=100)
    process = worker.worker
    queue.pause()
    for number in range(1_000):
        forge(queue, f"bad-{number}", MALFORMED[number % len(MALFORMED)])
    queue.redis.lpush(queue.keys["wait"], *(f"without-hash-{n}" for n in range(10)))
    queue.add_bulk([queue.new_job("double", {"n": n}, job_id=f"good-{n}") for n in range(1_000)])
    shuffle(queue)

    queue.resume()
    resumed_at = time.monotonic()
    wait_for(lambda: count(Status.COMPLETED) == 1_000, "1,000 good jobs to complete", 30, every_s=0.2)
    took_s = time.monotonic() - resumed_at
    wait_for(lambda: queue.count() + queue.get_job_counts()["active"] == 0, "the bad ones to end", 60)

    print(f"\n1,000 good jobs among 1,000 malformed ones: {took_s:.1f} s")  # noqa: T201
    good = {f"good-{n}": 2 * n for n in range(1_000)}
    assert {job_id: row.return_value for job_id, row in rows(Status.COMPLETED).items()} == good
    wait_for(lambda: all(row.ended_at for row in rows().values()), "every row to end")
    bad = rows(Status.FAILED)
    assert {f"bad-{n}" for n in range(1_000)} <= set(bad), "a malformed job is not in sight"
    assert all(row.error for row in bad.values())
    assert worker.worker == process, "the worker was replaced"
    return took_s


@on_sqlite
def test_a_thousand_malformed_jobs_harm_none_of_a_thousand_good_ones(queue: Queue, start: Start) -> None:
    """Data, names, options, times and counters that make no sense."""
    check_malformed_jobs(queue, start)


@pytest.mark.faults
def test_how_long_a_thousand_good_jobs_take_among_a_thousand_malformed_ones(queue: Queue, start: Start) -> None:
    """The figure for the page."""
    took_s = check_malformed_jobs(queue, start)
    keep_counts("21", jobs=2_000, good_ones_after=f"{took_s:.1f} s")


def shuffle(queue: Queue) -> None:
    """Good and bad ones mixed, the same way each time."""
    ids: list[str] = queue.redis.lrange(queue.keys["wait"], 0, -1)  # type: ignore[assignment]  # replies are decoded
    mixed = sorted(ids, key=lambda job_id: json.dumps([job_id.rpartition("-")[2], job_id]))
    with queue.redis.pipeline() as pipe:
        pipe.delete(queue.keys["wait"])
        pipe.rpush(queue.keys["wait"], *mixed)
        pipe.execute()
