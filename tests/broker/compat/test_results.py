"""Values and failures, read from the job."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from dramatiq.results import ResultFailure, ResultMissing, ResultTimeout
from redis import Redis

from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from app.broker.results import JobResults
from tests.broker.compat.conftest import JOIN_MS, Working, declare, failing, unsent
from tests.broker.test_runs import ended
from tests.servers import wait_for


def test_a_value_is_read_from_the_job(broker: BullMQBroker, queue: Queue, working: Working, redis: Redis) -> None:
    """No key but the job's holds it, and nobody is told that a value was discarded."""
    value = declare("value", lambda: {"n": [1, None]})

    with working():
        message = value.send()
        got = message.get_result(block=True, timeout=JOIN_MS)

    assert got == {"n": [1, None]}
    assert message.get_result() == got
    assert [key for key in redis.scan_iter("*") if not key.startswith("test:")] == []


def test_no_value_is_called_discarded(
    broker: BullMQBroker, queue: Queue, working: Working, caplog: pytest.LogCaptureFixture
) -> None:
    """Dramatiq warns of values that nobody stores; here each one is."""
    value = declare("value", lambda: 1)

    with working():
        ended(queue, value.send().message_id)

    assert "discarded" not in caplog.text


def test_a_failure_is_raised_where_its_result_is_asked_for(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """With the error's class and its text; not before the last attempt."""
    fail, _ = failing(max_retries=1, min_backoff=100)

    with working():
        message = fail.send()
        with pytest.raises(ResultFailure) as caught:
            message.get_result(block=True, timeout=JOIN_MS)

    assert str(caught.value) == "actor raised RuntimeError: broken 2"
    assert (caught.value.orig_exc_type, caught.value.orig_exc_msg) == ("RuntimeError", "broken 2")


@pytest.mark.parametrize(
    ("reason", "stack", "name"),
    [
        ("broken", "Error: broken\n    at process (/app/index.js:1:1)", "Error"),
        ("two\nlines", "Traceback …\napp.errors.TwoLines: two\nlines\n", "TwoLines"),
        ("TimeoutError", "Traceback …\nTimeoutError\n", "TimeoutError"),
        ("killed twice", "", "JobFailed"),
    ],
)
def test_the_errors_class_is_found_in_the_stack_trace_of_either_language(
    broker: BullMQBroker, redis: Redis, reason: str, stack: str, name: str
) -> None:
    """Node's first line, Python's last; a keeper's verdict has none."""
    fields: dict[Any, Any] = {"name": "x", "finishedOn": "1", "failedReason": reason, "stacktrace": json.dumps([stack])}
    redis.hset("test:default:1", mapping=fields)

    with pytest.raises(ResultFailure) as caught:
        JobResults(broker).get_result(unsent("1"))

    assert caught.value.orig_exc_type == name


def test_a_result_that_is_not_there_yet_is_missing_or_times_out(broker: BullMQBroker, queue: Queue) -> None:
    """The first at once, the second after the time that was given."""
    message = declare("value", lambda: 1).send()

    with pytest.raises(ResultMissing):
        message.get_result()
    with pytest.raises(ResultTimeout):
        message.get_result(block=True, timeout=50)


def test_a_waiting_reader_gets_the_value_of_a_job_that_is_not_kept(
    broker: BullMQBroker, queue: Queue, working: Working, redis: Redis
) -> None:
    """It is in the event, when the job has gone with its end."""
    go = threading.Event()
    declare("value", lambda: go.wait(10))
    got: list[Any] = []

    with working():
        job_id = queue.add("value", {}, remove_on_complete=True)
        message = unsent(job_id)
        reader = threading.Thread(target=lambda: got.append(message.get_result(block=True, timeout=JOIN_MS)))
        reader.start()
        wait_for(lambda: any(client["cmd"] == "xread" for client in redis.client_list()), "the reader to listen")
        go.set()
        reader.join()

    assert got == [True]
    assert queue.get_job(job_id) is None
