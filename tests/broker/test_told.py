"""Document 003's log lines: each once, at its level, with its fields (S3-20)."""

from __future__ import annotations

import logging
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.flow import Flow, FlowProducer
from tests.servers import wait_for


@pytest.fixture
def broker(redis_url: str) -> BullMQBroker:
    """One actor that says how far it is, one that fails twice."""
    broker = BullMQBroker(redis_url, prefix="told")

    @dramatiq.actor(queue_name="mail", broker=broker)
    def send() -> None:
        current_job().update_progress(50)

    @dramatiq.actor(queue_name="mail", broker=broker, attempts=2)
    def fail() -> None:
        raise ValueError("no such address")

    return broker


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[Any, ...]]:
    """Level, text, event, and the fields of each."""
    names = ("event_name", "queue", "jobName", "jobId", "reason", "attempt", "progress")
    return [
        (record.levelname, record.getMessage(), *(getattr(record, name) for name in names if hasattr(record, name)))
        for record in caplog.records
        if record.name == "app.broker.told"
    ]


def test_each_line_is_told_once_with_the_documented_fields(
    broker: BullMQBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that completes, one that fails after a second attempt; an id that exists is not added again."""
    queue = broker.queue("mail")
    with caplog.at_level(logging.DEBUG, "app.broker.told"):
        queue.add("send", {}, job_id="a")
        added_ms = queue.now_ms()
        wait_for(lambda: queue.now_ms() > added_ms, "the next millisecond: in the same one it is the same job")
        queue.add("send", {}, job_id="a")
        queue.add("fail", {}, job_id="b", attempts=2)
        worker = Worker(broker, worker_threads=1, worker_timeout=100)
        worker.start()
        try:
            wait_for(
                lambda: sum(line[1] in ("Job completed", "Job failed") for line in lines(caplog)) == 2, "both ends"
            )
        finally:
            worker.stop(timeout=5_000)

    assert sorted(lines(caplog)) == sorted(
        [
            ("INFO", "Job added to queue", "job.added", "mail", "send", "a"),
            ("INFO", "Job added to queue", "job.added", "mail", "fail", "b"),
            ("DEBUG", "Job progress", "job.progress", "mail", "a", 50),
            ("INFO", "Job completed", "job.completed", "mail", "a"),
            ("WARNING", "Job is tried again", "job.retrying", "mail", "b", "no such address", 1),
            ("ERROR", "Job failed", "job.failed", "mail", "b", "no such address"),
        ]
    )


def test_jobs_of_a_flow_and_of_a_bulk_add_are_told_too(broker: BullMQBroker, caplog: pytest.LogCaptureFixture) -> None:
    """Whichever way in."""
    queue = broker.queue("mail")

    with caplog.at_level(logging.INFO, "app.broker.told"):
        queue.add_bulk([queue.new_job("send", {}, job_id=name) for name in "ab"])
        FlowProducer(broker).add(
            Flow("send", "mail", options={"job_id": "p"}, children=[Flow("send", "mail", options={"job_id": "c"})])
        )

    assert [line[-1] for line in lines(caplog)] == ["a", "b", "p", "c"]
