"""The producer ticks without a clock, and beats are one a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dramatiq
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from app.broker.queue import Queue
from app.jobs.actor import actor
from app.jobs.catalog import BEAT
from app.jobs.engine import broker, find_queue
from app.settings import settings
from producer.beat import BeatActor
from producer.pulse import Pulse
from tests.ledger.rows import all_rows
from tests.producer.conftest import NINE
from tests.servers import free_port


class Watched:
    """A pulse whose time is given, and what it did."""

    def __init__(self) -> None:
        self.at = NINE
        self.did: list[str] = []
        self.pulse = Pulse(self._tick, lambda now: self.did.append(f"repair {now:%M:%S}"), lambda: self.at)

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


def test_an_error_of_redis_does_not_end_the_pulse() -> None:
    """The next look tries again."""
    errors = [RedisConnectionError("away")]
    ticked = []

    def tick(now: datetime) -> None:
        if errors:
            raise errors.pop()
        ticked.append(now)

    pulse = Pulse(tick, lambda _: None, lambda: NINE)

    pulse.look()
    pulse.look()

    assert ticked == [NINE]


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
