"""The producer and the clock as they are started in production."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from app import db
from app.clock import to_ms
from app.crontab import entries
from app.domains.slots.cycle import DAILY, HOUR
from app.ledger.recorder import Ledger
from app.models.crontab_cursor import CrontabCursor
from app.models.job_status import Status
from app.models.schedule import UserUpdateSchedule
from app.models.user import User
from tests.ledger.rows import all_rows, new_job
from tests.producer.conftest import NINE
from tests.servers import free_port, wait_for

BIN = Path(sys.executable).parent
CLOCK = ("periodiq", "producer.main")
PRODUCER = ("dramatiq", "producer.main", "-p", "1", "-t", "1", "--queues", "cron", "--skip-logging")


class Program:
    """One started program and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    def said(self, words: str) -> bool:
        """Whether its output holds these words by now."""
        return words in self._output.read_text(errors="replace")


Start = Callable[[tuple[str, ...], str], AbstractContextManager[Program]]


@pytest.fixture
def start(tmp_path: Path, sqlite_database: Engine) -> Start:
    """Starts a program on the test's database and the given Redis, for the length of a block."""

    @contextmanager
    def run(command: tuple[str, ...], redis_url: str) -> Iterator[Program]:
        environment = {
            "PATH": str(BIN),
            "TORIL_ENV": "test",
            "TORIL_VAR": str(tmp_path / "var"),
            "DATABASE_URL": str(sqlite_database.url),
            "REDIS_URL": redis_url.rpartition("/")[0],
        }
        output = tmp_path / f"{command[0]}.log"
        with output.open("wb") as log:
            process = subprocess.Popen([BIN / command[0], *command[1:]], env=environment, stdout=log, stderr=log)
        try:
            yield Program(process, output)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)

    return run


def test_a_clock_without_redis_goes_on(start: Start) -> None:
    """A beat that cannot be sent is logged."""
    nobody = f"redis://127.0.0.1:{free_port()}/0"

    with start(CLOCK, nobody) as clock:
        wait_for(lambda: clock.said("was not sent"), "the clock to miss its first beat")
        alive = clock.process.poll() is None

    assert alive


def test_a_clock_beats_as_soon_as_it_starts(start: Start, redis: Redis, redis_url: str) -> None:
    """One job in the producer's queue, and no row."""
    with start(CLOCK, redis_url):
        wait_for(lambda: redis.llen("bullmq:cron:wait"), "the first beat")

    assert all_rows() == []


def test_a_clock_says_in_words_what_is_to_come(start: Start, redis_url: str) -> None:
    """Each entry of the table, one that was stopped as well."""
    with db.session() as session:
        entries.sync(session, NINE)
        entries.change(session, "weeklyUpdates", {"enabled": False}, by="7", at=NINE)

    with start(CLOCK, redis_url) as clock:
        wait_for(lambda: clock.said("crontab: weeklyUpdates"), "the clock's words")

        assert clock.said("dailyUpdates: At the start of every hour, UTC (0 * * * *), next ")
        assert clock.said("weeklyUpdates: At 00:00 every day, UTC (0 0 * * *), stopped")


def test_a_producer_catches_up_and_repairs_without_any_clock(start: Start, redis: Redis, redis_url: str) -> None:
    """It was down for an hour, and its predecessor was killed between a row and its add."""
    slot = DAILY.beginning(datetime.now(UTC)) - HOUR  # every minute of it is over
    with db.session() as session:
        entries.sync(session, NINE)
        session.get_one(CrontabCursor, "dailyUpdates").added_until = slot - timedelta(seconds=1)
        session.get_one(CrontabCursor, "weeklyUpdates").added_until = slot + timedelta(days=2)
    add_user("7", slot.hour)
    forgotten = new_job("forgotten", added_ms=to_ms(slot - timedelta(hours=2)))
    Ledger().before_add([forgotten])

    with start(PRODUCER, redis_url):
        wait_for(
            lambda: redis.llen("bullmq:user-updates:wait") == 2, "the due user and the forgotten job", timeout_s=40
        )

    rows = {row.job_id: row for row in all_rows()}
    due = f"daily-7-{slot:%Y%m%dT%H}"
    assert sorted(redis.lrange("bullmq:user-updates:wait", 0, -1)) == [due, "forgotten"]
    assert rows[due].confirmed_at is not None
    assert rows["forgotten"].repairs == 1
    assert rows[f"tick-dailyUpdates-{slot:%Y%m%dT%H0000}"].status == Status.COMPLETED


def add_user(user_id: str, hour: int) -> None:
    """A user with that hour."""
    with db.session() as session:
        session.add(User(id=user_id, email="7@example.com", password_hash="x"))
        session.flush()
        session.add(UserUpdateSchedule(user_id=user_id, daily_update_hour=hour, weekly_update_day=0))
