"""From a call to a row to a job in Redis, in that order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from app import db
from app.broker.errors import JobNotFound, QueueNotFound
from app.broker.queue import Queue
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import find_queue
from app.jobs.enqueue import enqueue, enqueue_with, new_job
from app.jobs.payloads import ProcessUserData
from app.jobs.user_updates import enqueue_user, enqueue_users, get_queue_stats, remove_job
from app.models.job_status import Status
from tests.ledger.rows import all_rows, only_row

NINE = "daily-7-20260101T09"
SEVEN = ProcessUserData(user_id="7")


def test_an_enqueued_user_is_a_confirmed_row_and_a_waiting_job(queue: Queue) -> None:
    """Data as a Node producer would write it, and the documented options."""
    job_id = enqueue_user("7", "both", country="US", region="NA")

    row, job = only_row(), queue.get_job(job_id)
    assert job is not None
    assert (job.name, job.data) == (
        "process_user_data",
        {"user_id": "7", "cadence": "both", "country": "US", "region": "NA"},
    )
    assert job.opts["attempts"] == 4
    assert job.opts["backoff"] == {"type": "exponential", "delay": 2_000}
    assert job.opts["removeOnComplete"] == {"age": 86_400, "count": 1_000}
    assert job.opts["removeOnFail"] == {"age": 604_800}
    assert (row.job_id, row.added_ms, row.user_id, row.status) == (job_id, job.timestamp, "7", Status.WAITING)
    assert row.confirmed_at is not None


def test_many_users_are_enqueued_in_their_order(queue: Queue) -> None:
    """One row and one job each, over several chunks."""
    job_ids = enqueue_users([str(number) for number in range(1_200)])

    rows = {row.job_id: row.user_id for row in all_rows()}
    assert [rows[job_id] for job_id in job_ids] == [str(number) for number in range(1_200)]
    assert queue.get_job_counts()["waiting"] == 1_200


def test_a_promise_key_is_used_once(queue: Queue) -> None:
    """The second enqueue adds nothing, neither a row nor a job."""
    for _ in range(2):
        enqueue(PROCESS_USER_DATA, SEVEN, job_id=NINE, promise_key=NINE)

    assert len(all_rows()) == 1
    assert queue.get_job_counts()["waiting"] == 1


def test_a_promise_is_added_again_after_redis_forgot_it_only_if_it_was_never_confirmed(queue: Queue) -> None:
    """Redis' own "the id exists" holds only while the hash lives; the row's holds for ever (R2)."""
    enqueue(PROCESS_USER_DATA, SEVEN, job_id=NINE, promise_key=NINE)
    queue.redis.flushall()

    enqueue(PROCESS_USER_DATA, SEVEN, job_id=NINE, promise_key=NINE)

    assert queue.get_job(NINE) is None


def test_a_job_promised_in_a_transaction_is_added_after_its_commit(queue: Queue) -> None:
    """Not before: a worker would find what may still be rolled back (R3)."""
    with db.session() as session:
        enqueue_with(session, [new_job(PROCESS_USER_DATA, SEVEN, job_id="a")])
        before = queue.get_job("a")

    assert before is None
    assert queue.get_job("a") is not None
    assert only_row().confirmed_at is not None


def test_a_job_promised_in_a_transaction_that_rolls_back_never_was(queue: Queue) -> None:
    """Neither row nor job."""

    def promise_then_raise() -> None:
        with db.session() as session:
            enqueue_with(session, [new_job(PROCESS_USER_DATA, SEVEN, job_id="a")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        promise_then_raise()

    assert all_rows() == []
    assert queue.get_job("a") is None


def test_an_enqueue_with_a_session_is_a_job_exactly_if_that_commits(queue: Queue) -> None:
    """The application's own rows and its jobs are one transaction (R3)."""
    with db.session() as session:
        committed = enqueue(PROCESS_USER_DATA, SEVEN, session=session)
        before = queue.get_job(committed)
    with Session(db.engine()) as session:
        rolled_back = enqueue(PROCESS_USER_DATA, SEVEN, session=session)
        session.rollback()

    assert before is None
    assert queue.get_job(committed) is not None
    assert queue.get_job(rolled_back) is None
    assert only_row().job_id == committed


def test_a_savepoint_that_rolls_back_takes_its_jobs_back(queue: Queue) -> None:
    """And one that is released adds nothing before the whole transaction is committed."""
    with db.session() as session:
        with session.begin_nested():
            released = enqueue(PROCESS_USER_DATA, SEVEN, session=session)
        early = queue.get_job(released)
        with session.begin_nested() as savepoint:
            taken_back = enqueue(PROCESS_USER_DATA, SEVEN, session=session)
            savepoint.rollback()

    assert early is None
    assert queue.get_job(released) is not None
    assert queue.get_job(taken_back) is None


def test_a_session_that_rolled_back_and_goes_on_adds_only_what_it_commits(queue: Queue) -> None:
    """The jobs of the first transaction are not added by the second."""
    with Session(db.engine()) as session:
        first = enqueue(PROCESS_USER_DATA, SEVEN, session=session)
        session.rollback()
        second = enqueue(PROCESS_USER_DATA, SEVEN, session=session)
        session.commit()

    assert queue.get_job(first) is None
    assert queue.get_job(second) is not None


def test_a_promise_outlives_a_redis_that_is_away(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit stands, and the row says that its add is missing."""
    job = new_job(PROCESS_USER_DATA, SEVEN, job_id="a")

    def away(*_: object) -> None:
        raise RedisError("connection refused")

    monkeypatch.setattr(Queue, "add_recorded", away)
    with db.session() as session:
        enqueue_with(session, [job])

    assert only_row().confirmed_at is None


def test_stats_count_by_state(queue: Queue) -> None:
    """In the documented words, ``paused`` a boolean (C40)."""
    enqueue_users(["1", "2"])
    enqueue(PROCESS_USER_DATA, SEVEN, delay_ms=60_000)
    enqueue(PROCESS_USER_DATA, SEVEN, priority=3)
    queue.pause()

    stats = get_queue_stats()

    queue.resume()
    assert stats == {
        "waiting": 2,
        "prioritized": 1,
        "delayed": 1,
        "active": 0,
        "completed": 0,
        "failed": 0,
        "paused": True,
        "workers": 0,
    }


def test_a_removed_job_leaves_a_removed_row(queue: Queue) -> None:
    """Gone from Redis, visible in the ledger."""
    job_id = enqueue_user("7")

    remove_job(job_id)

    assert queue.get_job(job_id) is None
    assert only_row().status == Status.REMOVED


def test_an_unknown_job_cannot_be_removed(queue: Queue) -> None:
    """And nothing is written for it."""
    with pytest.raises(JobNotFound, match="'nope'"):
        remove_job("nope")

    assert all_rows() == []


def test_a_queue_is_found_by_its_name_and_by_the_documents_colon(queue: Queue) -> None:
    """An unknown one is an error that names the known ones (C4)."""
    assert find_queue("user:updates").name == "user-updates"
    with pytest.raises(QueueNotFound, match=r"known queues: .*user-updates"):
        find_queue("user-update")


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": 7},
        {"user_id": ""},
        {"user_id": "a:b"},
        {"user_id": "7", "cadence": "hourly"},
        {"user_id": "7", "token": "secret"},
        {},
    ],
)
def test_a_wrong_payload_is_refused_before_anything_is_written(wrong: dict[str, object]) -> None:
    """Numbers are not converted, unknown fields not ignored."""
    with pytest.raises(ValidationError):
        ProcessUserData.model_validate(wrong)


def test_a_job_whose_id_is_taken_ends_as_removed(queue: Queue) -> None:
    """Its row must not wait for a job that Redis never took."""
    enqueue(PROCESS_USER_DATA, SEVEN, job_id="mine")
    second = replace(new_job(PROCESS_USER_DATA, SEVEN, job_id="mine"), added_ms=1)

    queue.add_bulk([second])

    assert {row.added_ms == 1: row.status for row in all_rows()} == {False: Status.WAITING, True: Status.REMOVED}
