"""The stream says that something changed, looks once a second for all, and ends by itself."""

from __future__ import annotations

from itertools import count, islice

from redis import Redis

from app.broker.queue import Queue
from app.dashboard.live import STREAM_S, Pulse, events, look
from app.jobs.engine import find_queue
from app.jobs.user_updates import enqueue_user
from app.models.user import Role
from tests.dashboard.conftest import SignedIn


class Time:
    """Passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def test_however_many_ask_one_looks_a_second() -> None:
    """A hundred pages cost what one does."""
    time, looks = Time(), count(1)
    pulse = Pulse(lambda: (next(looks),), time)

    at_once = {pulse.now() for _ in range(100)}
    time.wait(1)
    later = pulse.now()

    assert (at_once, later) == ({(1,)}, (2,))


def test_a_change_is_told_once_and_silence_is_a_comment() -> None:
    """A comment each second, so that a page that has gone is noticed."""
    time, seen = Time(), iter(["a", "a", "b", "b"])
    pulse = Pulse(lambda: (next(seen),), time)

    told = list(islice(events(pulse, time, time.wait), 4))

    assert told == ["retry: 3000\n\n", ":\n\n", "event: changed\ndata:\n\n", ":\n\n"]


def test_a_stream_ends_so_that_the_browser_is_asked_again_who_it_is() -> None:
    """After five minutes."""
    time = Time()

    list(events(Pulse(lambda: (), time), time, time.wait))

    assert time.now == STREAM_S


def test_the_pulse_changes_with_a_job_and_with_a_pause(as_: SignedIn, redis: Redis) -> None:
    """Whatever the queue has an event for."""
    queue: Queue = find_queue("user-updates")
    before = look()

    enqueue_user(as_(Role.VIEWER).id)
    with_a_job = look()
    queue.pause()
    paused = look()

    assert len({before, with_a_job, paused}) == 3
