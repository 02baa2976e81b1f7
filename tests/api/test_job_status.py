"""/app/job-status: the ledger by URL, to each what is theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import db
from app.models.job_status import JobStatus, Status
from app.models.user import Role
from tests.api.conftest import Called

BASE = "/app/job-status"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_numbers = count(1)


def record(user_id: str, status: Status = Status.COMPLETED, job_id: str = "", **columns: Any) -> str:
    """A row of the ledger; returns its job's id."""
    number = next(_numbers)
    at = NOON + timedelta(minutes=number)
    row = JobStatus(
        queue="user-updates",
        job_id=job_id or f"daily-{user_id}-{number}",
        added_ms=number,
        name="process_user_data",
        user_id=user_id,
        data={"user_id": user_id},
        opts={},
        attempts=4,
        status=status,
        queued_at=at,
        ended_at=at,
        **columns,
    )
    with db.session() as session:
        session.add(row)
        session.flush()
        return row.job_id


def ids(reply: TestResponse) -> list[str]:
    """The job ids of an answer, in order."""
    return [job["jobId"] for job in reply.get_json()["data"]]


def test_a_users_jobs_come_newest_first(as_: Called) -> None:
    """CONTRACTS S2-7: one's own, or anyone's for a viewer."""
    ada, viewer = as_(), as_(Role.VIEWER)
    first, second, third = (record(ada.id) for _ in range(3))

    assert ids(ada.get(f"{BASE}/status/user/{ada.id}")) == [third, second, first]
    assert ids(viewer.get(f"{BASE}/status/user/{ada.id}?limit=2")) == [third, second]


def test_a_job_shows_what_the_document_asks(as_: Called) -> None:
    """CONTRACTS S2-6."""
    ada = as_()
    job_id = record(
        ada.id,
        Status.PARTIAL,
        started_at=NOON,
        completed_at=NOON,
        duration_ms=1_200,
        attempts_made=2,
        accounts_total=3,
        accounts_processed=2,
        account_errors={"US": "invalid_grant"},
    )

    job = ada.get(f"{BASE}/status/job/{job_id}").get_json()["data"]

    expected = {
        "jobId": job_id,
        "userId": ada.id,
        "status": "partial",
        "startedAt": "2026-01-01T12:00:00.000Z",
        "completedAt": "2026-01-01T12:00:00.000Z",
        "failedAt": None,
        "duration": 1_200,
        "attempts": 2,
        "accountsProcessed": 2,
        "errors": {"US": "invalid_grant"},
    }
    assert {name: job[name] for name in expected} == expected


@pytest.mark.parametrize("path", ["status/user/{user}", "status/job/{job}"])
def test_what_is_anothers_is_not_found(as_: Called, path: str) -> None:
    """Word for word as what does not exist."""
    ada, bob = as_(), as_()
    job_id = record(bob.id)

    others = ada.get(f"{BASE}/{path.format(user=bob.id, job=job_id)}")
    nobodys = ada.get(f"{BASE}/{path.format(user='nobody', job='nothing')}")

    assert (others.status_code, nobodys.status_code) == (404, 404)
    assert others.text.replace(bob.id, "nobody").replace(job_id.replace(bob.id, "nobody"), "nothing") == nobodys.text


def test_lists_hold_only_what_one_may_see(as_: Called) -> None:
    """A user's own jobs; all of them for a viewer."""
    ada, bob, viewer = as_(), as_(), as_(Role.VIEWER)
    adas, bobs = record(ada.id, Status.FAILED), record(bob.id, Status.FAILED)

    for path in ("recent", "failed"):
        assert ids(ada.get(f"{BASE}/{path}")) == [adas]
        assert ids(viewer.get(f"{BASE}/{path}")) == [bobs, adas]


def test_failed_holds_partial_jobs_on_request(as_: Called) -> None:
    """CONTRACTS C33, and no more than the limit."""
    viewer = as_(Role.VIEWER)
    failed = record("7", Status.FAILED)
    partial = record("7", Status.PARTIAL)
    record("7", Status.COMPLETED)

    assert ids(viewer.get(f"{BASE}/failed")) == [failed]
    assert ids(viewer.get(f"{BASE}/failed?include=partial")) == [partial, failed]
    assert ids(viewer.get(f"{BASE}/failed?include=partial&limit=1")) == [partial]


def test_the_queue_is_counted_now(as_: Called) -> None:
    """CONTRACTS C40; for viewers."""
    ada, viewer = as_(), as_(Role.VIEWER)
    for _ in range(2):
        ada.post("/app/jobs/user/manual-update", json={"updateType": "daily"})

    stats = viewer.get(f"{BASE}/queue/stats").get_json()["data"]

    assert stats == {
        "waiting": 2,
        "prioritized": 0,
        "delayed": 0,
        "active": 0,
        "completed": 0,
        "failed": 0,
        "paused": False,
        "workers": 0,
    }
    assert ada.get(f"{BASE}/queue/stats").status_code == 403
