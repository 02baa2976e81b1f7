"""The ledger forgets what ended long ago, in small steps, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from app import db
from app.broker.queue import Queue
from app.clock import from_ms
from app.jobs.catalog import JOBS
from app.jobs.engine import broker
from app.ledger.retention import ENDS, Retention
from app.ledger.rows import job_attempt, job_status
from app.models.job_status import Status
from app.settings import Settings, settings
from tests.jobs import conftest as jobs
from tests.ledger.rows import NINE_MS, all_attempts, all_rows

queue = jobs.queue

NOW = from_ms(NINE_MS)
MONTH = timedelta(days=30)
OLD = NOW - MONTH - timedelta(seconds=1)


@pytest.fixture
def trim(queue: Queue) -> Callable[[], int]:
    """One call of the retention, at nine."""
    retention = Retention(broker(), MONTH)
    return lambda: retention(NOW)


@pytest.fixture
def statements(queue: Queue) -> Iterator[list[int]]:
    """How many rows each DELETE of rows has deleted."""
    deleted: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM job_status"):
            deleted.append(cursor.rowcount)

    engine: Engine = db.engine()
    event.listen(engine, "after_cursor_execute", note)
    yield deleted
    event.remove(engine, "after_cursor_execute", note)


def write(count: int, ended_at: datetime | None, status: str = Status.COMPLETED, first: int = 1) -> None:
    """Rows of that status with one attempt each."""
    numbers = range(first, first + count)
    row = {"queue": "user-updates", "added_ms": 1, "name": "process_user_data", "data": None, "opts": {}, "attempts": 1}
    run = {"run": 1, "attempt": 1, "kind": "completed", "started_at": OLD, "ended_at": OLD}
    with db.engine().begin() as connection:
        connection.execute(
            insert(job_status),
            [
                {**row, "id": n, "job_id": f"j{n}", "status": status, "queued_at": OLD, "ended_at": ended_at}
                for n in numbers
            ],
        )
        connection.execute(insert(job_attempt), [{"job": n, **run} for n in numbers])


def test_what_ended_long_ago_goes_with_its_attempts(trim: Callable[[], int]) -> None:
    """Whatever its end was; a second later it would have stayed."""
    for number, status in enumerate(ENDS, start=1):
        write(1, OLD, status, first=number)
    write(1, NOW - MONTH, first=10)

    deleted = sum(trim() for _ in range(6))

    assert deleted == len(ENDS)
    assert [row.id for row in all_rows()] == [10]
    assert [attempt.job for attempt in all_attempts()] == [10]


@pytest.mark.parametrize("status", [Status.WAITING, Status.DELAYED, Status.ACTIVE])
def test_what_has_not_ended_stays_however_old(status: Status, trim: Callable[[], int]) -> None:
    """A promise is kept."""
    write(1, None, status)

    deleted = trim()

    assert (deleted, len(all_rows())) == (0, 1)


def test_what_redis_still_holds_stays(queue: Queue, trim: Callable[[], int]) -> None:
    """It may be retried there; another job of the same id, or another key of that name, is not it (R1, R15)."""
    write(3, OLD)
    queue.redis.hset(queue.keys["j1"], "timestamp", "1")
    queue.redis.hset(queue.keys["j2"], "timestamp", "2")
    queue.redis.lpush(queue.keys["j3"], "no job")

    trim()

    assert [row.job_id for row in all_rows()] == ["j1"]


def test_deletes_are_small_and_go_on_beyond_what_stays(
    queue: Queue, trim: Callable[[], int], statements: list[int]
) -> None:
    """1,000 rows a call and a transaction, although the first 1,000 are held; then it begins anew."""
    write(3_100, OLD)
    with queue.redis.pipeline() as pipe:
        for number in range(1, 1_001):
            pipe.hset(queue.keys[f"j{number}"], "timestamp", "1")
        pipe.execute()

    calls = [trim() for _ in range(4)]
    queue.redis.flushall()
    again = trim()

    assert calls == [0, 1_000, 1_000, 100]
    assert again == 1_000
    assert statements == [1_000, 1_000, 100, 1_000]
    assert all_rows() == []


def test_a_row_that_is_retried_meanwhile_stays(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was chosen, and has not ended any more when it comes to be deleted."""
    write(1, OLD)
    retention = Retention(broker(), MONTH)

    def retried(_rows: object) -> set[int]:
        with db.engine().begin() as connection:
            connection.execute(job_status.update().values(ended_at=None, status=Status.WAITING))
        return set()

    monkeypatch.setattr(retention, "_held", retried)

    assert retention(NOW) == 0
    assert len(all_rows()) == 1


def test_the_ledger_remembers_no_shorter_than_redis() -> None:
    """No job of the catalog is kept in Redis for longer than the shortest retention that the settings take."""
    longest_s = max(keep.get("age", 0) for spec in JOBS for keep in (spec.keep_completed, spec.keep_failed))

    with pytest.raises(ValueError, match="LEDGER_RETENTION_DAYS"):
        Settings(LEDGER_RETENTION_DAYS=longest_s // 86_400 - 1)

    assert settings().ledger_retention_days == 30
