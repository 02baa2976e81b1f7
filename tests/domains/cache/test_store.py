"""The cache keeps the newest good entry, whatever order writers come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis import Redis

from app.domains.cache.keys import EntryKey, parse
from app.domains.cache.store import EmptyResult, Entry, get, put

KEY = EntryKey("7", "US", "NA", "daily")
NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


def entry(minutes: int = 0, run: int = 1, mark: str = "good") -> Entry:
    """An entry whose data was asked for some minutes after nine."""
    return Entry(NINE + timedelta(minutes=minutes), run, {"mark": mark})


def test_the_key_is_the_documented_one() -> None:
    """CONTRACTS S0-7: readers outside Toril build this key themselves."""
    key = str(EntryKey("7", "US", "NA", "daily"))

    assert key == "cache:7:US:NA:daily"


@given(st.tuples(*[st.text(min_size=1)] * 4))
def test_every_key_can_be_read_back(parts: tuple[str, str, str, str]) -> None:
    """Also with colons, stars and brackets in a part, which SCAN and the separator would misread."""
    key = str(EntryKey(*parts))

    assert parse(key) == parts
    assert key.count(":") == 4


def test_a_foreign_key_is_refused_by_name() -> None:
    """The cache's Redis also holds budgets and tokens: those are not entries."""
    with pytest.raises(ValueError, match="'budget:7:orders'"):
        parse("budget:7:orders")


def test_what_was_put_is_got_and_expires(redis: Redis) -> None:
    """CONTRACTS S0-7: the time to live is given in seconds."""
    written = put(redis, KEY, entry(), ttl_s=3_600)

    assert written
    assert get(redis, KEY) == entry()
    assert redis.ttl(str(KEY)) == 3_600


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(versions=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12)), min_size=1))
def test_the_newest_of_any_order_stands(redis: Redis, versions: list[tuple[int, int]]) -> None:
    """RULES R8: newer is a greater (as_of, run), compared as numbers."""
    redis.delete(str(KEY))

    for minutes, run in versions:
        put(redis, KEY, entry(minutes, run), ttl_s=60)

    assert get(redis, KEY) == entry(*max(versions))


def test_the_same_version_again_renews_the_time_to_live(redis: Redis) -> None:
    """A reader that re-fills must not be refused."""
    put(redis, KEY, entry(), ttl_s=10)

    written = put(redis, KEY, entry(), ttl_s=3_600)

    assert written
    assert redis.ttl(str(KEY)) == 3_600


def test_an_empty_result_never_replaces_the_last_good_one(redis: Redis) -> None:
    """AMAZON.md: the last good cache entry is never overwritten by an empty one."""
    put(redis, KEY, entry(), ttl_s=60)

    with pytest.raises(EmptyResult, match="cache:7:US:NA:daily"):
        put(redis, KEY, Entry(NINE + timedelta(hours=1), 2, {}), ttl_s=60)

    assert get(redis, KEY) == entry()
