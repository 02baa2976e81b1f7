"""Each slot of the crontab runs once, whoever dies, and whatever time a host believes it is (FAULTS 11, 16)."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app import db
from app.broker.events import QueueEvents
from app.clock import from_ms
from app.crontab.slots import parse_slot, slot_name
from app.jobs.catalog import CRON
from app.jobs.engine import find_queue
from app.models.cron_session import CronSession, SessionStatus
from app.models.job_status import JobStatus, Status
from tests.broker.workers import WorkerProgram
from tests.faults.conftest import DATABASES, SEED, Open
from tests.faults.figures import keep, keep_counts
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem
from tests.servers import wait_for

ENTRY = "everyTwoSeconds"
EVERY = timedelta(seconds=2)
CRONTAB = Path(__file__).parent / "crontab"


class Clocks:
    """Two clocks and two producers, each started again as soon as it is killed."""

    def __init__(self, system: FaultSystem, started: ExitStack) -> None:
        self._system = system
        self._started = started
        self._clocks = [start_clock(self._system, self._started) for _ in range(2)]
        self._producers = [system.start_producer() for _ in range(2)]

    def kill_one(self) -> None:
        """By chance: a clock, a producer, or a producer with its keeper."""
        self._system.random.choice([self._kill_clock, self._kill_producer, self._kill_host])()

    def _kill_clock(self) -> None:
        clock = self._clocks.pop(0)
        self._system.journal.write("fault", "kill-clock", detail=str(clock.pid))
        clock.kill()
        clock.wait()
        self._clocks.append(start_clock(self._system, self._started))

    def _kill_producer(self) -> None:
        self._replace(self._system.kill)

    def _kill_host(self) -> None:
        self._replace(self._system.kill_host)

    def _replace(self, kill: Callable[[WorkerProgram], None]) -> None:
        kill(self._producers.pop(0))
        self._producers.append(self._system.start_producer())


def start_clock(system: FaultSystem, started: ExitStack) -> subprocess.Popen[bytes]:
    """A clock as in production."""
    command = [str(Path(sys.executable).with_name("periodiq")), "producer.main"]
    with (system.directory / "clocks.log").open("ab") as log:
        clock = subprocess.Popen(command, stdout=log, stderr=log)
    started.callback(clock.wait)
    started.callback(clock.kill)
    return clock


@pytest.fixture
def started() -> Iterator[ExitStack]:
    """What is started in it ends with the test, before the system does."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def ticking(open_system: Open, database: str, monkeypatch: pytest.MonkeyPatch) -> FaultSystem:
    """A system whose crontab has an entry that is due every two seconds."""
    system = open_system(database, SEED)
    monkeypatch.setenv("CRONTAB_DIR", str(CRONTAB))
    monkeypatch.setenv("FAULTS_JOURNAL", str(system.journal.directory))
    return system


def check_each_slot_ran_once(system: FaultSystem) -> int:
    """Every slot from the first one until now, in rows, sessions and the journal; returns how many there were."""
    until = from_ms(system.queue.now_ms())
    wait_for(lambda: not _open(until), "every slot until now to end", 60, every_s=0.2)

    promised = Counter(key.rpartition("-")[2] for key in _rows())
    first, last = parse_slot(min(promised)), max(slot for slot in map(parse_slot, promised) if slot <= until)
    expected = [slot_name(first + n * EVERY) for n in range((last - first) // EVERY + 1)]
    assert until - last <= EVERY, "the last slots are missing"
    assert {slot: count for slot, count in promised.items() if slot in expected} == dict.fromkeys(expected, 1)
    assert {slot: _completed()[slot] for slot in expected} == dict.fromkeys(expected, 1)
    starts = Counter(line.key for line in system.lines("start"))
    ends = {line.key for line in system.lines("end")}
    assert [slot for slot in expected if slot not in ends] == [], "a slot is said to have run, and has not"
    again = sum(starts[slot] - 1 for slot in expected)
    assert again <= len(system.lines("fault")), "slots ran again that nothing had cut"
    print(f"\n{len(expected)} slots, {len(system.lines('fault'))} kills, {again} cut and run again")  # noqa: T201
    return len(expected)


def _rows() -> list[str]:
    """Promise keys of the entry's rows."""
    with db.reading() as session:
        keys = session.scalars(select(JobStatus.promise_key).where(JobStatus.promise_key.like(f"tick-{ENTRY}-%")))
        return [key for key in keys if key is not None]


def _open(until: datetime) -> list[str]:
    """Slots until then that have not completed."""
    wanted = select(JobStatus.promise_key).where(
        JobStatus.promise_key.like(f"tick-{ENTRY}-%"), JobStatus.status != Status.COMPLETED
    )
    with db.reading() as session:
        slots = [str(key).rpartition("-")[2] for key in session.scalars(wanted)]
    return [slot for slot in slots if parse_slot(slot) <= until]


def _completed() -> Counter[str]:
    """How many completed sessions each slot has."""
    wanted = select(CronSession.slot).where(
        CronSession.entry_id == ENTRY, CronSession.status == SessionStatus.COMPLETED
    )
    with db.reading() as session:
        return Counter(slot_name(slot.astimezone(UTC)) for slot in session.scalars(wanted))


# --- 16: clocks and producers die


def check_killed_clocks(system: FaultSystem, started: ExitStack, kills: int) -> int:
    """Random kills, and restarts at once, so within the minute; producers have the product's own leases.

    Returns how many slots there were.
    """
    clocks = Clocks(system, started)
    for _ in range(kills):
        system.chance_s(0.5, 3)
        clocks.kill_one()

    slots = check_each_slot_ran_once(system)
    assert slots >= kills
    return slots


@pytest.mark.parametrize("database", ["sqlite"])
def test_killed_clocks_and_producers_run_each_slot_once(ticking: FaultSystem, started: ExitStack) -> None:
    """Two of each; periodiq alone sends the minute's tick again at each start, and drops what is missed."""
    check_killed_clocks(ticking, started, kills=4)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_clocks_and_producers_that_die_all_the_time_run_each_slot_once(
    ticking: FaultSystem, started: ExitStack
) -> None:
    """For some minutes."""
    slots = check_killed_clocks(ticking, started, kills=80)

    faults = len(ticking.lines("fault"))
    keep_counts("16", jobs=slots, faults=faults, seed=ticking.seed, slots_that_did_not_run_once="0")


# --- 11: hosts whose clock is wrong

THREE_HOURS_S, MINUTE_AND_A_HALF_S = 3 * 3600, 90
WRONG_CLOCK = Path(__file__).parent / "wrong_clock"
#: Far more than a test takes, far less than any host here is wrong by.
CLOSE = timedelta(seconds=60)
DELAY_MS = 3_000


@contextmanager
def wrong_by(monkeypatch: pytest.MonkeyPatch, seconds: int) -> Iterator[None]:
    """Programs that are started in the block run on a host whose clock is so wrong."""
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(WRONG_CLOCK))
        patch.setenv("WRONG_BY_S", str(seconds))
        yield


def check_jobs_under_wrong_clocks(system: FaultSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers, keepers, producer and enqueuer, each on a host of its own; one is lost. The rows' times are right."""
    with wrong_by(monkeypatch, -THREE_HOURS_S):
        system.start_producer()
    with wrong_by(monkeypatch, MINUTE_AND_A_HALF_S):
        enqueuer = system.start_enqueuer("added", pace="20")
    for seconds in (THREE_HOURS_S, -THREE_HOURS_S, -MINUTE_AND_A_HALF_S):
        with wrong_by(monkeypatch, seconds):
            system.start_worker()
    system.add(*(f"flaky-{n}" for n in range(60)), ms=20, failures=2)
    system.add(*(f"steady-{n}" for n in range(150)), ms=30)
    began = from_ms(system.queue.now_ms())
    delayed = [system.queue.add("work", {}, job_id=f"delayed-{n}", delay_ms=DELAY_MS) for n in range(20)]

    wait_for(lambda: len(system.lines("effect")) > 50, "jobs to flow")
    system.kill_host(system.workers[0])
    enqueuer.kill()
    enqueuer.wait()
    system.settle()
    account = system.account()

    keep("11", system, account, wrong_by="+3 h, -3 h, +90 s, -90 s")
    account.check()
    waits = [job.processed_on - job.timestamp for job in map(system.queue.get_job, delayed) if job and job.processed_on]
    assert len(waits) == len(delayed)
    assert min(waits) >= DELAY_MS
    assert max(waits) < DELAY_MS + CLOSE // timedelta(milliseconds=1)
    measured = 0
    with db.reading() as session:
        for row in session.scalars(select(JobStatus)):
            moments = [row.queued_at, row.confirmed_at, row.started_at, row.completed_at, row.ended_at, row.settled_at]
            wrong = [str(at) for at in moments if at is not None and abs(at - began) > CLOSE]
            assert not wrong, f"times of {row.job_id}: {moments}; it is {began}"
            # A row that ended by what Redis said has none.
            if row.duration_ms is not None:
                measured += 1
                assert 0 <= row.duration_ms < CLOSE // timedelta(milliseconds=1)
    assert measured >= account.accepted * 9 // 10


def test_jobs_on_hosts_with_wrong_clocks_end_once_and_in_time(
    sqlite_system: FaultSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hours and 90 s, ahead and behind."""
    check_jobs_under_wrong_clocks(sqlite_system, monkeypatch)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_jobs_on_hosts_with_wrong_clocks_under_the_default_lease(
    open_system: Open, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """On either database."""
    system = open_system(database, SEED)
    system.lock_ms = DEFAULT_LOCK_MS
    check_jobs_under_wrong_clocks(system, monkeypatch)


@pytest.mark.parametrize("database", ["sqlite"])
def test_clocks_and_producers_on_hosts_with_wrong_clocks_run_each_slot_once_and_in_time(
    ticking: FaultSystem, started: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Producers 3 h ahead and behind, clocks 90 s ahead and behind: no slot is missed, doubled, early or late."""
    for seconds in (THREE_HOURS_S, -THREE_HOURS_S):
        with wrong_by(monkeypatch, seconds):
            ticking.start_producer()
    for seconds in (MINUTE_AND_A_HALF_S, -MINUTE_AND_A_HALF_S):
        with wrong_by(monkeypatch, seconds):
            start_clock(ticking, started)
    ticking.chance_s(6, 7)

    check_each_slot_ran_once(ticking)

    claims = QueueEvents(find_queue(CRON), "0-0").read()
    lateness = [
        from_ms(int(event.id.partition("-")[0])) - parse_slot(str(event.job_id).rpartition("-")[2])
        for event in claims
        if event.name == "active" and str(event.job_id).startswith(f"tick-{ENTRY}-")
    ]
    assert lateness
    assert min(lateness) > timedelta(milliseconds=-100)
    assert max(lateness) < CLOSE
