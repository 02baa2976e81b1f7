"""Kept connections: what is called on them is carried out once, whatever happened to the connection before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError, TimeoutError
from redis.retry import Retry

from app.broker.broker import BullMQBroker
from app.broker.connection import new_client
from app.broker.lines import KEPT, Lines
from app.broker.queue import Queue
from app.broker.scripts import Scripts
from tests.servers import wait_for

#: Counted in time, not in rounds: a server that is slow for 5 s answers everyone else that it is busy.
INCREMENT_LATE = "local began = os.clock() while os.clock() - began < 0.2 do end return redis.call('INCR', KEYS[1])"


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    """A client with a pool of its own, so that its connections can be counted."""
    client = new_client(redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def lines(client: Redis) -> Lines:
    """No line is open yet."""
    return Lines(client.connection_pool)


def line_id(lines: Lines) -> Any:
    """The server's number of the connection that is used next."""
    return lines.call("CLIENT", "ID")


def test_calls_share_one_connection(lines: Lines) -> None:
    """Neither the pool nor the server is asked for another, also after an error that Redis answered."""
    first = line_id(lines)

    with pytest.raises(ResponseError, match="wrong number"):
        lines.call("GET")

    assert line_id(lines) == first


def test_a_connection_that_the_server_closed_is_not_noticed(redis: Redis, lines: Lines) -> None:
    """A restart between two adds fails neither."""
    redis.client_kill_filter(_id=str(line_id(lines)))

    reply = lines.call("PING")

    assert reply == "PONG"


def test_a_call_whose_reply_is_late_is_not_repeated(redis: Redis, redis_url: str) -> None:
    """The caller knows what may be done twice; the next one is not given the late reply."""
    with new_client(redis_url, decode_responses=True, socket_timeout=0.05, retry=Retry(NoBackoff(), 0)) as impatient:
        lines = Lines(impatient.connection_pool)
        with pytest.raises(TimeoutError):
            lines.call("EVAL", INCREMENT_LATE, 1, "count")
        wait_for(lambda: redis.get("count"), "the call to be carried out")

        reply = lines.call("ECHO", "mine")

    assert reply == "mine"
    assert redis.get("count") == "1"


def test_a_stream_that_is_left_early_leaves_no_reply_behind(lines: Lines) -> None:
    """The next caller must not be given it."""
    replies = lines.stream([("ECHO", "a"), ("ECHO", "b"), ("ECHO", "c")])
    next(replies)
    replies.close()  # type: ignore[attr-defined]  # an iterator that is a generator

    assert lines.call("ECHO", "mine") == "mine"


def test_a_stream_answers_in_order(lines: Lines) -> None:
    """Also one of nothing."""
    commands = [("ECHO", str(number)) for number in range(50)]

    replies = list(lines.stream(commands))

    assert replies == [str(number) for number in range(50)]
    assert list(lines.stream([])) == []


def test_few_connections_are_kept_from_the_pool(client: Redis, lines: Lines) -> None:
    """However many threads called at once: the rest of the program shares that pool."""
    with ThreadPoolExecutor(30) as threads:
        replies = list(threads.map(lambda number: lines.call("ECHO", str(number)), range(600)))

    assert replies == [str(number) for number in range(600)]
    assert (
        sum(count for count, labels in client.connection_pool.get_connection_count() if "used" in str(labels)) <= KEPT
    )


def test_a_forked_child_speaks_on_a_line_of_its_own(lines: Lines) -> None:
    """Two processes on one connection would read each other's replies."""
    parent = line_id(lines)
    read, write = os.pipe()

    if (child := os.fork()) == 0:
        os.write(write, str(line_id(lines)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    said = os.read(read, 32).decode()
    os.close(read)
    os.close(write)

    assert said != str(parent)
    assert line_id(lines) == parent


def test_a_script_that_the_server_forgot_is_sent_again(redis: Redis) -> None:
    """A restart and a failover empty its cache of scripts."""
    scripts = Scripts(redis)
    redis.script_flush()

    paused = scripts.run("getCounts", ["test:mail:"], ["wait"])

    assert paused == [0]


def test_many_threads_add_through_one_queue(broker: BullMQBroker) -> None:
    """Each job has an id of its own, and all of them wait."""
    queue = Queue("mail", broker=broker)

    with ThreadPoolExecutor(16) as threads:
        ids = list(threads.map(lambda number: queue.add("send", {"n": number}), range(300)))

    assert sorted(map(int, ids)) == list(range(1, 301))
    assert queue.get_job_counts()["waiting"] == 300
    jobs = [queue.get_job(job_id) for job_id in ids]
    assert [job.data["n"] for job in jobs if job] == list(range(300))


def test_a_client_of_one_connection_calls_its_scripts_on_it(redis: Redis, client: Redis) -> None:
    """So a claim fails when its connection has ended, and whoever made it looks again at what server answers."""
    own = client.client()
    redis.client_kill_filter(_id=str(own.client_id()))

    with pytest.raises(RedisConnectionError):
        Scripts(own).run("getCounts", ["test:mail:"], ["wait"])
    own.close()
