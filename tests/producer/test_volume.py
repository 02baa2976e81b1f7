"""A hundred thousand users at once, for `make long`: how long one producer takes, and what memory."""

from __future__ import annotations

import time

import psutil
import pytest
from sqlalchemy import func, insert, select

from app import db
from app.broker.errors import Park
from app.broker.queue import Queue
from app.domains.slots.cycle import DAILY
from app.domains.slots.rounds import GIVE_WAY_AFTER_S, promise_updates
from app.models.job_status import JobStatus
from app.models.schedule import UserUpdateSchedule
from app.models.user import User
from tests.producer.conftest import NINE

pytestmark = pytest.mark.long

USERS = 100_000
TARGET_S = 15.0
#: What all runs after the first may add to the process.
GROWTH_MB = 16.0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_hundred_thousand_users_of_one_hour_are_enqueued_in_fifteen_seconds_with_flat_memory(queue: Queue) -> None:
    """In runs that give way to other cron jobs; after the first, the process is as large as it will be."""
    ids = [f"{number:016x}" for number in range(USERS)]
    with db.session() as session:
        people = [{"id": one, "email": f"{one}@example.com", "password_hash": "-", "role": "user"} for one in ids]
        session.execute(insert(User), people)
        places = [
            {"user_id": one, "daily_update_hour": 9, "daily_minute": number % 60, "weekly_update_day": 0}
            for number, one in enumerate(ids)
        ]
        session.execute(insert(UserUpdateSchedule), places)
    del people, places, ids
    process, is_over = psutil.Process(), False
    runs: list[float] = []
    sizes: list[float] = []

    began, began_cpu, began_all = time.perf_counter(), time.process_time(), _cpu_of_all_s(process)
    while not is_over:
        run_began = time.perf_counter()
        try:
            promise_updates(DAILY, NINE)
            is_over = True
        except Park:
            pass  # others go first; the engine starts it again at once
        runs.append(time.perf_counter() - run_began)
        sizes.append(process.memory_info().rss / 2**20)
    took, cpu, cpu_of_all = (
        time.perf_counter() - began,
        time.process_time() - began_cpu,
        _cpu_of_all_s(process) - began_all,
    )

    print(  # noqa: T201
        f"\n{USERS:,} users promised and enqueued in {took:.1f} s "
        f"(CPU of all {cpu_of_all:.1f} s, the producer's own {cpu:.1f} s), "
        f"{len(runs)} runs, the longest {max(runs):.1f} s; "
        f"RSS {sizes[0]:.0f} MB after the first, {max(sizes):.0f} MB at most"
    )
    with db.reading() as session:
        rows = session.scalar(select(func.count()).select_from(JobStatus).where(JobStatus.confirmed_at.is_not(None)))
    assert rows == USERS
    assert queue.get_job_counts()["waiting"] == USERS
    # They work by turns: on a machine that others keep busy, what all of them used is what it would take alone.
    assert min(took, cpu_of_all) <= TARGET_S
    assert len(runs) >= took / (GIVE_WAY_AFTER_S + 2)
    assert max(sizes) - sizes[0] <= GROWTH_MB


def _cpu_of_all_s(process: psutil.Process) -> float:
    """Of the producer, PostgreSQL and Redis."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)
