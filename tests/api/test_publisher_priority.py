"""Premium publishers' jobs go first, whoever adds them; within each kind by the priority that was asked for."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.jobs.engine import find_queue
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.domains.publishers.conftest import add_publisher

JOBS = "/api/v1/queues/metrics-calculation/jobs"


@pytest.fixture
def operator(client: FlaskClient, as_: Called, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """Somebody who adds jobs, on a broker of this file's own."""
    monkeypatch.setenv("QUEUE_PREFIX", "publisher-priority")
    settings.cache_clear()
    return as_(Role.OPERATOR)


def test_a_premium_publishers_job_goes_before_what_was_added_first(operator: Caller) -> None:
    """One whose publisher is not there keeps its own priority, and fails with the reason when it runs."""
    add_publisher("plain")
    add_publisher("premium", is_premium=True)
    for publisher_id, priority in (("plain", 1), ("plain", 0), ("premium", 2), ("premium", 1), ("nobody", 3)):
        data = {"publisherId": publisher_id, "metricType": "revenue", "period": "2026-01"}
        asked = {"jobName": "now", "data": data, "options": {"priority": priority}}
        assert operator.post(JOBS, json=asked).status_code == 201

    waiting = find_queue("metrics-calculation").get_jobs(["prioritized"], asc=True)

    assert [(job.data["publisherId"], job.priority % 1_000_000) for job in waiting] == [
        ("premium", 1),
        ("premium", 2),
        ("nobody", 3),
        ("plain", 0),
        ("plain", 1),
    ]
