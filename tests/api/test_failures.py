"""/api/v1/errors: groups as they are counted, and a group tried again by a job of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from dramatiq import Worker
from flask.testing import FlaskClient

from app import db
from app.broker.queue import Queue
from app.jobs import retrying
from app.jobs.actor import actor
from app.jobs.catalog import CRON_JOBS, PROCESS_USER_DATA, RETRY_FAILED, USER_UPDATES
from app.jobs.engine import broker, find_queue
from app.jobs.payloads import RetryFailed
from app.jobs.user_updates import enqueue_users
from app.ledger import audit
from app.models.job_status import Status
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called
from tests.ledger.rows import all_rows
from tests.servers import wait_for

ERRORS = "/api/v1/errors"
BROKERS = count(1)


@pytest.fixture
def queue(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """The main queue, on a broker of this test's own."""
    monkeypatch.setenv("QUEUE_PREFIX", f"failures-{next(BROKERS)}")
    settings.cache_clear()
    return find_queue(USER_UPDATES)


@contextmanager
def worker(error: str | None) -> Iterator[None]:
    """A worker whose refreshes raise this, with the user's id in it; None: they succeed. It retries what it is told."""
    broker().actors.clear()

    @actor(PROCESS_USER_DATA, throws=RuntimeError)
    def _refresh(*, user_id: str, **_: Any) -> None:
        if error is not None:
            raise RuntimeError(error.format(user_id))

    @actor(RETRY_FAILED)
    def _retry(**asked: Any) -> dict[str, int]:
        return retrying.retry_failed(RetryFailed(**asked), lambda _: None)

    running = Worker(broker(), queues={USER_UPDATES, CRON_JOBS}, worker_threads=8, worker_timeout=50)
    running.start()
    try:
        yield
    finally:
        running.stop()


def settled(users: int, status: Status) -> bool:
    """Whether so many refreshes have ended so, and Redis knows it."""
    rows = [row for row in all_rows() if row.name == PROCESS_USER_DATA.name]
    return sum(row.status == status and row.settled_at is not None for row in rows) == users


@pytest.fixture
def failed(queue: Queue) -> list[str]:
    """Four jobs of three users that failed with one error."""
    ids = enqueue_users(["1", "2", "3", "3"])
    with worker("no seller for user '{}'"):
        wait_for(lambda: settled(4, Status.FAILED), "every refresh to fail")
    return ids


def test_groups_are_shown_with_counts_that_are_their_lists(as_: Called, failed: list[str]) -> None:
    """The group and its page say the same; users hit, the most first."""
    viewer = as_(Role.VIEWER)

    (group,) = viewer.get(ERRORS).get_json()["data"]["groups"]
    page = viewer.get(f"{ERRORS}/{group['id']}").get_json()["data"]

    assert (group["errorClass"], group["message"]) == ("RuntimeError", "no seller for user '…'")
    assert (group["failed"], group["failedOrMore"], group["seen"], group["usersHit"]) == (4, False, 4, 3)
    assert sorted(job["jobId"] for job in page["jobs"]) == sorted(failed)
    assert page["users"][0] == {"userId": "3", "jobs": 2}
    assert (page["failed"], page["next"]) == (4, None)


def test_a_group_is_tried_again_by_a_job_and_on_the_trail(as_: Called, queue: Queue, failed: list[str]) -> None:
    """Every job of it runs again from its first attempt, none twice; who asked, and for how many, is written."""
    operator = as_(Role.OPERATOR)
    group = operator.get(ERRORS).get_json()["data"]["groups"][0]["id"]

    reply = operator.post(f"{ERRORS}/{group}/retry", json={"reason": "Amazon is back"})
    with worker(None):
        wait_for(lambda: settled(4, Status.COMPLETED), "every refresh to complete")
        asked = find_queue(CRON_JOBS).get_job(reply.get_json()["data"]["jobId"])
        assert asked is not None
        outcome = asked.wait_until_finished(10)

    with db.reading() as session:
        act = session.scalars(audit.trail(f"error {group}")).one()
    assert (reply.status_code, reply.get_json()["data"]["failed"]) == (202, 4)
    assert outcome == {"retried": 4, "gone": 0}
    assert (act.action, act.actor, act.why, act.details["jobs"]) == (
        "failures.retried",
        operator.id,
        "Amazon is back",
        4,
    )
    assert operator.get(f"{ERRORS}/{group}").get_json()["data"]["jobs"] == []


def test_a_whole_queue_is_tried_again(as_: Called, queue: Queue, failed: list[str]) -> None:
    """Whatever the error was."""
    reply = as_(Role.OPERATOR).post("/api/v1/queues/user-updates/retry")

    with worker(None):
        wait_for(lambda: settled(4, Status.COMPLETED), "every refresh to complete")

    assert (reply.status_code, reply.get_json()["data"]["failed"]) == (202, 4)


def test_a_job_that_redis_holds_no_longer_stays_failed(as_: Called, queue: Queue, failed: list[str]) -> None:
    """It is told, not lost."""
    group = as_(Role.VIEWER).get(ERRORS).get_json()["data"]["groups"][0]["id"]
    queue.redis.zrem(queue.keys["failed"], failed[0])
    queue.redis.delete(queue.keys[failed[0]])

    outcome = retrying.retry_failed(RetryFailed(group=group, before_ms=queue.now_ms() + 1), lambda _: None)

    assert outcome == {"retried": 3, "gone": 1}
    assert [row.job_id for row in all_rows() if row.status == Status.FAILED] == [failed[0]]
    assert queue.get_job_counts()["waiting"] == 3


def test_what_fails_after_the_question_is_not_tried_again(queue: Queue, failed: list[str]) -> None:
    """Whoever asked had not seen it."""
    group = all_rows()[0].error_group
    ended_at = min(row.ended_at for row in all_rows() if row.ended_at)

    outcome = retrying.retry_failed(
        RetryFailed(group=group, before_ms=int(ended_at.timestamp() * 1_000)), lambda _: None
    )

    assert outcome == {"retried": 0, "gone": 0}


@pytest.mark.parametrize(
    ("role", "asked", "status"),
    [
        (Role.USER, f"get {ERRORS}", 403),
        (Role.VIEWER, f"post {ERRORS}/0123456789abcdef/retry", 403),
        (Role.OPERATOR, f"post {ERRORS}/0123456789abcdef/retry", 404),
        (Role.VIEWER, f"get {ERRORS}/0123456789abcdef", 404),
        (Role.VIEWER, f"get {ERRORS}?cursor=nine", 400),
        (Role.VIEWER, f"get {ERRORS}?text=%00", 400),
        (Role.VIEWER, "post /api/v1/queues/user-updates/retry", 403),
    ],
)
def test_who_may_do_what(as_: Called, queue: Queue, role: Role, asked: str, status: int) -> None:
    """CONTRACTS C42: viewers read, operators act; what is unknown is not found, what is odd is refused."""
    method, path = asked.split()

    assert getattr(as_(role), method)(path).status_code == status
