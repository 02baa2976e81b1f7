"""Rows follow what a real worker does with a real queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from dramatiq import Worker
from sqlalchemy import text

from app import db
from app.broker.current import current_job
from app.broker.errors import Park, Unrecoverable
from app.broker.queue import Queue
from app.clock import utc_now
from app.jobs.actor import actor
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import broker
from app.jobs.user_updates import enqueue_user, enqueue_users
from app.ledger.effect import Accounts, effect, step
from app.models.job_status import Status
from tests.ledger.rows import all_attempts, all_rows, only_row
from tests.servers import wait_for


@contextmanager
def worker(body: Callable[..., Any]) -> Iterator[None]:
    """A worker whose process_user_data does this."""
    actor(PROCESS_USER_DATA)(body)
    running = Worker(broker(), queues={"user-updates"}, worker_threads=3, worker_timeout=50)
    running.start()
    try:
        yield
    finally:
        running.stop()


def settled() -> bool:
    """Whether every row's end is confirmed by Redis."""
    rows = all_rows()
    return bool(rows) and all(row.settled_at for row in rows)


def test_jobs_complete_in_redis_and_in_the_ledger(queue: Queue) -> None:
    """One end each, confirmed, with the return value in both."""
    job_ids = enqueue_users([str(number) for number in range(20)])

    with worker(lambda user_id, **_: {"user": user_id}):
        wait_for(settled, "every end to be settled")

    rows = {row.job_id: row for row in all_rows()}
    jobs = [queue.get_job(job_id) for job_id in job_ids]
    assert all(job is not None and job.return_value == rows[job.id].return_value for job in jobs)
    assert {row.status for row in rows.values()} == {Status.COMPLETED}
    assert len(all_attempts()) == 20


def test_an_effect_commits_with_the_end_and_the_row_keeps_its_words(queue: Queue) -> None:
    """Completed in Redis, partial in the ledger."""
    with db.engine().begin() as connection:
        connection.execute(text("CREATE TABLE effects (what TEXT)"))

    def refresh(**_: Any) -> str:
        with effect(current_job()) as ending:
            ending.session.execute(text("INSERT INTO effects VALUES ('sales')"))
            ending.status, ending.accounts = "partial", Accounts(2, 1, {"EU/DE": "revoked"})
        return "1 of 2"

    job_id = enqueue_user("7")
    with worker(refresh):
        wait_for(settled, "the end to be settled")

    with db.engine().connect() as connection:
        effects = connection.execute(text("SELECT count(*) FROM effects")).scalar_one()
    job, row = queue.get_job(job_id), only_row()
    assert job is not None
    assert (job.state(), job.return_value) == ("completed", "1 of 2")
    assert (row.status, row.account_errors, effects) == (Status.PARTIAL, {"EU/DE": "revoked"}, 1)


def test_a_parked_job_goes_on_from_its_checkpoint_without_an_attempt(queue: Queue) -> None:
    """Two runs, one attempt."""

    def refresh(**_: Any) -> list[str]:
        job = current_job()
        done: list[str] = (job.start.checkpoint if job.start else None) or []
        if not done:
            with step(job, ["NA/US"]):
                pass
            raise Park(utc_now() + timedelta(milliseconds=50), "budget")
        return done

    enqueue_user("7")
    with worker(refresh):
        wait_for(settled, "the end to be settled")

    row = only_row()
    assert (row.status, row.return_value, row.run, row.attempts_made) == (Status.COMPLETED, ["NA/US"], 2, 1)
    assert [attempt.kind for attempt in all_attempts()] == ["parked", "completed"]


def test_a_hopeless_job_fails_with_its_reason(queue: Queue) -> None:
    """In one attempt, the stack trace beside it."""

    def refresh(**_: Any) -> None:
        raise Unrecoverable("no seller account")

    enqueue_user("7")
    with worker(refresh):
        wait_for(settled, "the end to be settled")

    assert (only_row().status, only_row().error) == (Status.FAILED, "no seller account")
    assert "Unrecoverable" in (all_attempts()[0].stacktrace or "")


def test_a_job_of_another_producer_with_wrong_data_fails_naming_the_field(queue: Queue) -> None:
    """It is put straight into Redis, with no row; its value is not repeated in the reason."""
    job = queue.new_job("process_user_data", {"user_id": 7, "token": "s3cret"}, attempts=4)
    silent, recorder = broker(), broker().recorder
    silent.recorder = None
    queue.add_bulk([job])
    silent.recorder = recorder

    with worker(lambda **_: None):
        wait_for(settled, "the end to be settled")

    row = only_row()
    assert (row.status, row.attempts_made) == (Status.FAILED, 1)
    assert "user_id" in (row.error or "")
    assert "s3cret" not in (row.error or "")
