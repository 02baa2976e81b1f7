"""A state's jobs page by page, while jobs come and go between the pages."""

from __future__ import annotations

from itertools import count

import pytest
from redis import Redis

from app.broker.broker import BullMQBroker
from app.broker.listing import InvalidCursor, page
from app.broker.queue import Queue, State

_numbers = count(1)


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """An empty queue."""
    return broker.queue("mail")


def add(queue: Queue, state: State, job_id: str, redis: Redis, score: float = 0) -> None:
    """A job of that id, put by hand into a state that only a worker brings about."""
    queue.add("send", {}, job_id=job_id)
    if state == "active":
        redis.lrem(queue.keys["wait"], 1, job_id)
        redis.lpush(queue.keys["active"], job_id)
    elif state != "waiting":
        redis.lrem(queue.keys["wait"], 1, job_id)
        redis.zadd(queue.keys[state], {job_id: score or next(_numbers)})


def pages(queue: Queue, state: State, limit: int) -> list[list[str]]:
    """Every page's ids."""
    found, cursor = [], None
    for _ in range(20):
        one = page(queue, state, limit, cursor)
        found.append([job.id for job in one.jobs])
        if (cursor := one.following) is None:
            return found
    raise AssertionError(f"the pages have no end: {found}")


@pytest.mark.parametrize("state", ["waiting", "prioritized", "delayed", "active", "waiting-children"])
def test_what_goes_on_comes_in_that_order(queue: Queue, redis: Redis, state: State) -> None:
    """The next one first."""
    for job_id in "abcde":
        add(queue, state, job_id, redis)

    assert pages(queue, state, 2) == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_what_has_ended_comes_latest_first(queue: Queue, redis: Redis, state: State) -> None:
    """The latest end is the one that somebody asks about."""
    for job_id in "abcde":
        add(queue, state, job_id, redis)

    assert pages(queue, state, 2) == [["e", "d"], ["c", "b"], ["a"]]


@pytest.mark.parametrize("state", ["failed", "delayed"])
def test_ends_of_one_millisecond_are_each_listed_once(queue: Queue, redis: Redis, state: State) -> None:
    """A batch of ends has one time, and a page may end within it."""
    for job_id in ["a", "b", "10", "9", "é", "Z", "repeat-x-1"]:
        add(queue, state, job_id, redis, score=1_767_225_600_000)

    found = [job_id for one in pages(queue, state, 2) for job_id in one]

    assert sorted(found) == sorted(["a", "b", "10", "9", "é", "Z", "repeat-x-1"])


@pytest.mark.parametrize("state", ["waiting", "failed", "delayed"])
def test_who_removes_each_page_before_the_next_sees_every_job(queue: Queue, redis: Redis, state: State) -> None:
    """With positions, every second page would be left out."""
    for job_id in "abcdefg":
        add(queue, state, job_id, redis)

    seen, cursor = [], None
    while True:
        one = page(queue, state, 2, cursor)
        for job in one.jobs:
            seen.append(job.id)
            job.remove()
        if (cursor := one.following) is None:
            break

    assert sorted(seen) == list("abcdefg")


def test_jobs_that_are_added_between_two_pages_move_none(queue: Queue, redis: Redis) -> None:
    """Of those that stood there, each is listed once."""
    for job_id in "abcd":
        add(queue, "waiting", job_id, redis)
        add(queue, "failed", f"{job_id}-failed", redis)
    waiting, failed = page(queue, "waiting", 2), page(queue, "failed", 2)
    for job_id in "efg":
        add(queue, "waiting", job_id, redis)
        add(queue, "failed", f"{job_id}-failed", redis)

    waiting_next = page(queue, "waiting", 2, waiting.following)
    failed_next = page(queue, "failed", 2, failed.following)

    assert [job.id for job in waiting_next.jobs] == ["c", "d"]
    assert [job.id for job in failed_next.jobs] == ["b-failed", "a-failed"]


@pytest.mark.parametrize("cursor", ["", "7", "x-7", "-7", "1e9-a", "nan-a", "9" * 18 + "-a", "1-"])
def test_a_cursor_of_ones_own_is_refused(queue: Queue, cursor: str) -> None:
    """It says what would do."""
    with pytest.raises(InvalidCursor, match="take the one that the page before gave"):
        page(queue, "failed", 2, cursor)
