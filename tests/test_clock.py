"""Whose time a process goes by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from app import clock
from app.broker.clock import RedisClock


@pytest.fixture(autouse=True)
def own_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test leaves the process with the clock it had."""
    monkeypatch.setattr(clock, "_shared", clock._shared)


def test_a_process_goes_by_the_clock_that_it_follows() -> None:
    """Whatever its host says (R17)."""
    clock.follow(lambda: 1_767_258_000_000)

    assert clock.utc_now() == datetime(2026, 1, 1, 9, tzinfo=UTC)


def test_a_host_goes_by_its_own_clock_until_the_shared_one_is_known(redis: Redis) -> None:
    """Redis is asked by those who wait for it anyway, never by who only wants the time."""
    shared = RedisClock(redis)
    clock.follow(shared.known_ms)

    before = shared.known_ms()
    own = clock.utc_now()
    shared.now_ms()

    assert before is None
    assert abs(own - datetime.now(UTC)) < timedelta(seconds=5)
    assert shared.known_ms() is not None
