"""Bad data to every queue of the catalog: refused by their field, or a failed job with the reason; never lost."""

from __future__ import annotations

from typing import Any

import pytest
from dramatiq import Worker
from flask.testing import FlaskClient

from app.broker.broker import BullMQBroker
from app.jobs.actor import actor
from app.jobs.catalog import JOBS, JobSpec, worker_threads
from app.jobs.engine import broker, find_queue
from app.models.job_status import Status
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.ledger.rows import all_rows
from tests.servers import wait_for

BY_HAND = [spec for spec in JOBS if not spec.internal]
OURS = [spec for spec in JOBS if spec.recorded]


@pytest.fixture
def operator(
    client: FlaskClient, as_: Called, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Caller:
    """Somebody who adds jobs, on a broker of this test's own."""
    monkeypatch.setenv("QUEUE_PREFIX", f"bad-{request.node.name.encode().hex()[:80]}")
    settings.cache_clear()
    return as_(Role.OPERATOR)


@pytest.mark.parametrize("spec", BY_HAND, ids=[spec.name for spec in BY_HAND])
def test_bad_data_over_the_api_name_their_field_and_leave_nothing(operator: Caller, spec: JobSpec[Any]) -> None:
    """No row, and no job."""
    asked = {"jobName": spec.name, "data": {"no_such_field": 1}}

    answer = operator.post(f"/api/v1/queues/{spec.queue}/jobs", json=asked)

    assert answer.status_code == 400
    assert "data.no_such_field: Extra inputs are not permitted" in answer.get_json()["error"]
    assert all_rows() == []
    assert find_queue(spec.queue).count() == 0


def test_bad_data_from_another_producer_are_failed_jobs_with_the_reason(operator: Caller) -> None:
    """Of every job, past the API: each ends once, names its field, and has its row."""
    others = BullMQBroker(settings().queue_redis_url, prefix=settings().queue_prefix)
    for spec in OURS:
        actor(spec)(lambda **_: None)
        others.queue(spec.queue).add(spec.name, {"no_such_field": 1}, attempts=3)
    queues = {spec.queue for spec in OURS}
    worker = Worker(broker(), queues=queues, worker_threads=worker_threads() + 1, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: [row.ended_at for row in all_rows()].count(None) == 0 and len(all_rows()) == len(OURS), "all")
    finally:
        worker.stop()

    assert {(row.name, row.status, row.attempts_made) for row in all_rows()} == {
        (spec.name, Status.FAILED, 1) for spec in OURS
    }
    assert [
        row.error for row in all_rows() if "no_such_field: Extra inputs are not permitted" not in (row.error or "")
    ] == []
