"""Whatever happens to producers, beats and clocks, each (entry, slot) is one job, or is counted as skipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app import db
from app.broker.queue import Queue
from app.crontab import entries
from app.crontab.code import Job, jobs
from app.crontab.cron import slots_between
from app.crontab.slots import AHEAD, MISSED_AFTER, parse_slot
from app.models.cron_session import CronSession
from app.models.crontab_cursor import CrontabCursor
from app.models.crontab_entry import CrontabEntry
from app.models.job_status import JobStatus
from producer import tick as producer
from producer.tick import tick
from tests.producer.conftest import NINE

SECOND = timedelta(seconds=1)


class Killed(BaseException):
    """A producer dies between two steps."""


def job(name: str, schedule: str, catch_up: str, timezone: str = "UTC") -> Job:
    """An entry of the code that does nothing."""
    said = {"name": name, "schedule": schedule, "catch_up": catch_up, "timezone": timezone}
    return Job.model_validate({**said, "run": lambda _log: None})


CODE = {
    one.name: one
    for one in (
        job("seconds", "*/30 * * * * *", "all"),
        job("quarters", "*/15 * * * *", "all", "Europe/Madrid"),
        job("hourly", "0 * * * *", "one"),
        job("often", "*/10 * * * *", "skip"),
    )
}


@pytest.fixture(autouse=True)
def crontab(cron: Queue, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four entries of every policy; the queue itself is not the point, and left out."""
    jobs.cache_clear()
    for module in ("app.crontab.code", "app.crontab.entries", "app.crontab.adding"):
        monkeypatch.setattr(f"{module}.jobs", lambda: CODE)
    monkeypatch.setattr("app.jobs.enqueue.add_promised", lambda _jobs: None)
    yield
    jobs.cache_clear()


def begin(at: datetime) -> None:
    """An empty table whose entries begin then."""
    with db.session() as session:
        for model in (JobStatus, CronSession, CrontabCursor, CrontabEntry):
            session.execute(delete(model))
        entries.sync(session, at)


def added(entry: str) -> list[datetime]:
    """The slots of an entry's jobs, in order."""
    with db.reading() as session:
        rows = session.scalars(select(JobStatus)).all()
        return sorted(parse_slot(row.data["slot"]) for row in rows if row.data["entry"] == entry)


def skipped(entry: str) -> int:
    """How many slots of it are told as skipped."""
    with db.reading() as session:
        told = session.scalars(select(CronSession.details).where(CronSession.entry_id == entry)).all()
        return sum(one["skipped"] for one in told)


def due(entry: str, until: datetime) -> list[datetime]:
    """All its slots from the beginning on."""
    return list(slots_between(CODE[entry].schedule, CODE[entry].timezone, NINE, until))


#: What a producer does next: minutes that pass, whether it dies in the middle, and whether a second one ticks too.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 5, 45, 60, 61, 90, 100, 400, 3 * 3600, -90, -3600]),
        st.sampled_from(["lives", "dies before the cursor", "dies before the commit"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_each_slot_is_one_job_or_is_told_as_skipped(steps: list[tuple[int, str, bool]]) -> None:
    """Two producers, deaths between the steps, late and doubled beats, hours of downtime, clocks set to and fro."""
    begin(NINE)
    now = furthest = NINE

    for seconds, fate, doubled in steps:
        now += seconds * SECOND
        with pytest.MonkeyPatch.context() as patch:
            _doom(patch, fate)
            for _ in range(2 if doubled else 1):
                try:
                    tick(now)
                except Killed:
                    continue
        furthest = max(furthest, now)
    for _ in range(8):  # 500 slots of an entry at a time, 24 h of half minutes at most
        tick(furthest)

    for entry, code in CODE.items():
        everything, jobs_of = due(entry, furthest + AHEAD), added(entry)
        assert len(jobs_of) == len(set(jobs_of))
        assert set(jobs_of) <= set(everything)
        assert len(jobs_of) + skipped(entry) == len(everything), entry
        if code.catch_up == "all":
            assert jobs_of == everything


def _doom(patch: pytest.MonkeyPatch, fate: str) -> None:
    def die(*_: Any) -> bool:
        raise Killed

    if fate == "dies before the cursor":
        patch.setattr(entries, "advance", die)
    elif fate == "dies before the commit":
        patch.setattr(producer, "enqueue_with", die)


def test_after_three_hours_each_policy_has_its_way(cron: Queue) -> None:
    """FAULTS 17: all of it, the latest, or only what is still on time; and the rest is told."""
    begin(NINE)
    now = NINE + timedelta(hours=3, minutes=2)

    tick(now)

    assert added("seconds") == due("seconds", now + AHEAD)
    assert added("hourly") == [NINE + timedelta(hours=3)]
    assert added("often") == [slot for slot in due("often", now + AHEAD) if slot > now - MISSED_AFTER]
    assert (skipped("hourly"), skipped("often")) == (2, 17)


def test_missed_slots_do_not_stampede(cron: Queue) -> None:
    """Each a second after the one before; those that are still to come keep their time."""
    begin(NINE)
    now = NINE + timedelta(minutes=50)

    tick(now)

    with db.reading() as session:
        rows = session.scalars(select(JobStatus).order_by(JobStatus.promise_key)).all()
    delays = [row.delay_ms for row in rows if row.data["entry"] == "quarters"]
    assert delays == [0, 1_000, 2_000]
    assert [row.delay_ms for row in rows if row.data["entry"] == "seconds"][-3:] == [30_000, 60_000, 90_000]


def test_a_bad_schedule_in_the_table_stops_no_other_entry(cron: Queue) -> None:
    """As one that an earlier version accepted."""
    begin(NINE)
    with db.session() as session:
        broken = session.get_one(CrontabEntry, "hourly")
        broken.schedule, broken.overridden = "0 25 * * *", ["schedule"]

    tick(NINE + timedelta(minutes=14))

    assert len(added("quarters")) == 1
    assert added("hourly") == []
