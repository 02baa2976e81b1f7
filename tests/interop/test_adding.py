"""A job that Python adds stands in Redis as if Node had added it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from redis import Redis

from app.broker.broker import BullMQBroker
from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from tests.interop.node import Node
from tests.servers import wait_for

EVENTS = ["added", "waiting", "delayed", "waiting-children", "deduplicated", "debounced"]
#: Our options, and the same in Node's words.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "delayed": ({"delay_ms": 60_000}, {"delay": 60_000}),
    "prioritized": ({"priority": 7}, {"priority": 7}),
    "delayed and prioritized": ({"priority": 7, "delay_ms": 60_000}, {"priority": 7, "delay": 60_000}),
    "last in first out": ({"lifo": True}, {"lifo": True}),
    "own id": ({"job_id": "daily-7"}, {"jobId": "daily-7"}),
    "attempts": (
        {"attempts": 4, "backoff": {"type": "exponential", "delay": 2_000}},
        {"attempts": 4, "backoff": {"type": "exponential", "delay": 2_000}},
    ),
    "retention": (
        {"remove_on_complete": 5, "remove_on_fail": {"age": 60}},
        {"removeOnComplete": 5, "removeOnFail": {"age": 60}},
    ),
    "retention of none": ({"remove_on_complete": True}, {"removeOnComplete": True}),
    "deduplicated": (
        {"deduplication": {"id": "one", "ttl": 60_000, "extend": True}},
        {"deduplication": {"id": "one", "ttl": 60_000, "extend": True}},
    ),
    "long words": ({"opts": {"keepLogs": 3, "stackTraceLimit": 2}}, {"keepLogs": 3, "stackTraceLimit": 2}),
}


@pytest.mark.parametrize("case", CASES)
def test_both_producers_leave_the_same(node: Node, queue: Queue, broker: BullMQBroker, redis: Redis, case: str) -> None:
    """The hash, the place in the queue, the marker and the events; added twice, for deduplication's sake."""
    ours, theirs = CASES[case]
    node.call("listen", "mail", EVENTS)
    node.call("listen", "theirs", EVENTS)

    for _ in range(2):
        queue.add("send", {"to": "7"}, **ours)
        node.add("theirs", "send", {"to": "7"}, **theirs)
    wait_for(lambda: len(node.seen("mail")) == len(node.seen("theirs")) > 0, "the events of both")

    assert left(redis, queue) == left(redis, broker.queue("theirs"))
    assert names(node, "mail") == names(node, "theirs")


def test_both_flow_producers_leave_the_same(node: Node, queue: Queue, broker: BullMQBroker, redis: Redis) -> None:
    """Parents, children with a policy, and grandchildren."""
    options = {"job_id": "a", "opts": {"failParentOnFailure": True}}
    leaf = Flow("leaf", "mail", {"n": 1}, options={"job_id": "b", "opts": {"ignoreDependencyOnFailure": True}})
    FlowProducer(broker).add(Flow("root", "mail", {}, [Flow("child", "mail", {}, [leaf], options)], {"job_id": "root"}))

    below = {
        "name": "leaf",
        "queueName": "theirs",
        "data": {"n": 1},
        "opts": {"jobId": "b", "ignoreDependencyOnFailure": True},
    }
    child = {
        "name": "child",
        "queueName": "theirs",
        "data": {},
        "opts": {"jobId": "a", "failParentOnFailure": True},
        "children": [below],
    }
    node.call(
        "flow", {"name": "root", "queueName": "theirs", "data": {}, "opts": {"jobId": "root"}, "children": [child]}
    )

    assert left(redis, queue) == left(redis, broker.queue("theirs"))


def left(redis: Redis, queue: Queue) -> Any:
    """Every key of a queue with its value, in words that do not depend on the moment or the queue's name.

    The numbers of Node's counter differ: ours are taken before the add, and the script counts once more.
    """
    jobs = queue.get_jobs(["waiting", "prioritized", "delayed", "waiting-children"])
    numbers = sorted(int(job.id) for job in jobs if job.id.isdigit())
    ids = {str(number): f"job {n}" for n, number in enumerate(numbers)}
    found: dict[str, Any] = {}
    for key in redis.scan_iter(f"{queue.keys['']}*"):
        part = str(key).removeprefix(queue.keys[""])
        if part not in {"events", "id", "meta"}:
            found[ids.get(part, part)] = content(redis, str(key), ids)
    return json.loads(json.dumps(found).replace(queue.keys[""][:-1], "<queue>"))


def content(redis: Any, key: str, ids: dict[str, str]) -> Any:
    """The value of a key, without times."""
    match redis.type(key):
        case "hash":
            return {name: field(name, value) for name, value in redis.hgetall(key).items() if name != "timestamp"}
        case "list":
            return [ids.get(one, one) for one in redis.lrange(key, 0, -1)]
        case "zset" if key.endswith("waiting-children"):
            return sorted(redis.zrange(key, 0, -1))  # their scores are moments
        case "zset":
            return [ids.get(one, one) for one in redis.zrange(key, 0, -1)]
        case "set":
            return sorted(redis.smembers(key))
        case _:
            value = redis.get(key)
            return ids.get(value, value) if ":de:" in key else value


def field(name: str, value: str) -> Any:
    """Options without what says nothing, and what only Node writes for itself."""
    if name not in {"opts", "parent", "data"}:
        return value
    options = json.loads(value)
    if name == "opts":
        if options.get("attempts") in (0, 1):
            del options["attempts"]
        options.pop("jobId", None)
    return options


def names(node: Node, queue: str) -> list[str]:
    """The events in their order."""
    return [name for name, _ in node.seen(queue)]
