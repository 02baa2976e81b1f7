"""Answers are computed once in ten minutes, and counted at each read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from app.broker.connection import connect
from app.domains.cache import answers
from app.domains.cache.answers import answer_key, key_parts, most_read, read, refresh
from tests.servers import free_port

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Computed:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, int]:
        self.times += 1
        return {"times": self.times}


def test_a_second_read_is_a_hit_with_the_same_body(redis: Redis) -> None:
    """Computed once; gone after ten minutes."""
    compute = Computed()

    first, second = (read(redis, "k", compute, NINE) for _ in range(2))

    assert (first.is_hit, second.is_hit) == (False, True)
    assert first.body == second.body == {"times": 1}
    assert 0 < redis.ttl("answer:k") <= 600


def test_warming_makes_the_next_read_a_hit(redis: Redis) -> None:
    """A new answer in the place of the old one; warming is no read."""
    compute = Computed()
    read(redis, "old", compute, NINE)

    refresh(redis, "old", compute)
    refresh(redis, "new", compute)

    assert [read(redis, key, compute, NINE).body for key in ("old", "new")] == [{"times": 2}, {"times": 3}]
    assert redis.zscore("answer-reads:2026010109", "new") == 1


def test_the_most_read_of_24_hours_come_first(redis: Redis) -> None:
    """Added up over the hours; what was read before that is forgotten."""
    for key, hours_ago, times in (("a", 0, 1), ("b", 23, 3), ("a", 5, 3), ("c", 24, 9), ("d", 0, 2)):
        for _ in range(times):
            read(redis, key, dict, NINE - hours_ago * HOUR)

    found = most_read(redis, NINE)

    assert found == ["a", "b", "d"]
    assert most_read(redis, NINE, 2) == ["a", "b"]


def test_every_key_has_a_time_to_live(redis: Redis) -> None:
    """Nothing of it stays for ever."""
    read(redis, "k", dict, NINE)
    most_read(redis, NINE)

    assert sum(1 for _ in redis.scan_iter()) > 0
    assert [key for key in redis.scan_iter() if redis.ttl(key) < 0] == []


def test_an_hour_counts_no_more_than_ten_thousand_keys(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a new range each time fills nobody's memory."""
    monkeypatch.setattr(answers, "MOST_COUNTED", 3)
    for key in ("a", "a", "b", "b", "c", "c", "d", "e"):
        read(redis, key, dict, NINE)

    assert redis.zcard("answer-reads:2026010109") == 3


def test_without_redis_an_answer_is_computed() -> None:
    """Each time."""
    away = connect(f"redis://127.0.0.1:{free_port()}")
    compute = Computed()

    bodies = [read(away, "k", compute, NINE) for _ in range(2)]

    assert [(one.body, one.is_hit) for one in bodies] == [({"times": 1}, False), ({"times": 2}, False)]


def test_what_fails_to_compute_is_not_kept(redis: Redis) -> None:
    """The error is the caller's."""

    def fail() -> None:
        raise LookupError("no such publisher")

    with pytest.raises(LookupError):
        read(redis, "k", fail, NINE)

    assert redis.get("answer:k") is None


def test_a_key_gives_its_parts_back() -> None:
    """Whatever is in them."""
    parts = ("rollups", "a:b", "é %3A", "")

    assert key_parts(answer_key(*parts)) == parts
