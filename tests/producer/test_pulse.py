"""The producer ticks without a clock, and beats are one a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dramatiq
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from app.broker.queue import Queue
from app.broker.recorder import RecorderUnavailable
from app.jobs.actor import actor
from app.jobs.catalog import BEAT
from app.jobs.engine import broker, find_queue
from app.ledger.clock import database_now
from app.settings import settings
from producer.beat import BeatActor
from producer.clocks import Clocks
from producer.pulse import Pulse
from tests.ledger.rows import all_rows
from tests.producer.conftest import NINE
from tests.servers import free_port


class Watched:
    """A pulse whose time is given, and what it did."""

    def __init__(self) -> None:
        self.at = NINE
        self.did: list[str] = []
        self.watched: list[datetime] = []
        self.clocks_agree = True
        self.has_loss = False
        self.pulse = Pulse(
            self._tick,
            lambda now: self.did.append(f"repair {now:%M:%S}"),
            lambda: self.at,
            watch=self.watched.append,
            may_tick=lambda _: self.clocks_agree,
            is_urgent=lambda: self.has_loss,
        )

    def _tick(self, now: datetime) -> None:
        self.did.append(f"tick {now:%M:%S}")

    def look_after(self, seconds: int) -> list[str]:
        """Look once, that much later; returns what it did."""
        self.at += timedelta(seconds=seconds)
        self.did.clear()
        self.pulse.look()
        return list(self.did)


def test_a_producer_that_starts_ticks_at_once() -> None:
    """Whatever was missed while it was down is due."""
    assert Watched().look_after(0) == ["tick 00:00", "repair 00:00"]


def test_it_ticks_by_itself_after_75_seconds_without_a_beat() -> None:
    """Not before."""
    watched = Watched()
    watched.look_after(0)

    assert watched.look_after(74) == ["repair 01:14"]
    assert watched.look_after(1) == ["tick 01:15"]
    assert watched.look_after(74) == ["repair 02:29"]


def test_a_beat_puts_its_own_tick_off() -> None:
    """As long as beats come, it adds none."""
    watched = Watched()
    watched.look_after(0)
    watched.look_after(60)
    watched.pulse.beat()

    assert "tick" not in " ".join(watched.look_after(74))


def test_it_repairs_every_ten_seconds() -> None:
    """Not at every look."""
    watched = Watched()
    watched.look_after(0)

    assert [watched.look_after(seconds) for seconds in (9, 1, 9)] == [[], ["repair 00:10"], []]


def test_it_watches_every_ten_seconds() -> None:
    """The first look does, and none in between."""
    watched = Watched()
    for seconds in (0, 9, 1, 9, 1):
        watched.look_after(seconds)

    assert watched.watched == [NINE + timedelta(seconds=seconds) for seconds in (0, 10, 20)]


@pytest.mark.parametrize(
    "error",
    [RedisConnectionError("away"), OperationalError("SELECT", {}, Exception("away")), RecorderUnavailable("away")],
    ids=["Redis", "SQL", "record"],
)
def test_a_tick_that_fails_keeps_nothing_from_being_repaired(error: Exception) -> None:
    """Nor does it end the pulse: the next look tries again."""
    errors = [error]
    ticked = []

    def tick(now: datetime) -> None:
        if errors:
            raise errors.pop()
        ticked.append(now)

    repaired: list[datetime] = []
    pulse = Pulse(
        tick, repaired.append, lambda: NINE, watch=repaired.append, may_tick=lambda _: True, is_urgent=lambda: False
    )

    pulse.look()
    repaired_all_the_same = list(repaired)
    pulse.look()

    assert ticked == [NINE]
    assert repaired_all_the_same == [NINE, NINE]  # and watched


def test_a_loss_is_repaired_at_the_next_look() -> None:
    """Workers wait for the settings, so ten seconds would be long."""
    watched = Watched()
    watched.look_after(0)
    watched.has_loss = True

    assert watched.look_after(1) == ["repair 00:01"]


def test_nothing_ticks_while_the_clocks_disagree() -> None:
    """Neither a beat nor silence; and it goes on by itself, at once."""
    watched = Watched()
    watched.look_after(0)
    watched.clocks_agree = False
    watched.did.clear()

    watched.at += timedelta(seconds=60)
    watched.pulse.beat()
    by_a_beat = list(watched.did)
    by_silence = watched.look_after(80)
    watched.clocks_agree = True
    when_they_agree = watched.look_after(1)

    assert by_a_beat == []
    assert by_silence == ["repair 02:20"]
    assert when_they_agree == ["tick 02:21"]


@pytest.mark.parametrize(
    ("ahead_s", "agreed"), [(0, True), (55, True), (-55, True), (65, False), (-65, False)], ids=str
)
def test_clocks_agree_within_a_minute(database: Engine, ahead_s: int, agreed: bool) -> None:
    """Redis's and the database's; whatever this machine's says."""
    with database.connect() as connection:
        redis_now = database_now(connection) + timedelta(seconds=ahead_s)

    assert Clocks().agree(redis_now) is agreed


def test_it_says_once_that_they_disagree_and_that_they_agree_again(
    sqlite_database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """With the difference, and what to do."""
    clocks = Clocks()
    with sqlite_database.connect() as connection:
        right = database_now(connection)

    for ahead_s in (0, 90, 91, 0, 0):
        clocks.agree(right + timedelta(seconds=ahead_s))

    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "Redis is +90 s from the database" in caplog.text


@pytest.fixture
def beat(queue: Queue) -> dramatiq.Actor[..., None]:
    """The actor that clocks send."""

    def body() -> None:
        """Nothing."""

    return actor(BEAT, actor_class=BeatActor)(body)


def test_two_clocks_send_one_beat_a_minute(beat: BeatActor) -> None:
    """Under the minute's id, in UTC, whatever zone the clock lives in; and no row."""
    beat.send_with_options(scheduled_at="2026-01-01 10:00:00+01:00")
    beat.send_with_options(scheduled_at="2026-01-01T09:00:30+00:00")
    beat.send_with_options(scheduled_at=str(datetime(2026, 1, 1, 9, 1, tzinfo=UTC)))

    cron = find_queue("cron")
    assert cron.get_job_counts()["waiting"] == 2
    assert cron.get_job("beat-202601010900") is not None
    assert all_rows() == []


def test_a_beat_is_not_sent_and_not_raised_while_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on, and says so."""
    monkeypatch.setenv("QUEUE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    settings.cache_clear()
    beat = actor(BEAT, actor_class=BeatActor)(lambda: None)
    assert broker().url == settings().queue_redis_url

    message = beat.send_with_options(scheduled_at="2026-01-01T09:00:00+00:00")

    settings.cache_clear()
    assert message.message_id == "beat-202601010900"
