"""CONTRACTS S1-F3: throughput, failures, waits and durations over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app import db
from app.broker.backlog import Backlog
from app.clock import utc_now
from app.jobs.labels import RUNS_ENTRIES, label
from app.ledger.figures.counting import LAG, count
from app.ledger.figures.sampling import sample
from app.models.job_status import Status
from app.models.user import Role
from tests.api.conftest import Called
from tests.ledger.figures.ended import row, write

METRICS = "/api/v1/metrics/jobs"


@pytest.fixture
def counted(client: FlaskClient) -> None:
    """Six refreshes, two of which failed, and one no-op, three minutes ago; and a look at their queue."""
    now = utc_now()
    at = now.replace(second=30, microsecond=0) - timedelta(minutes=3)
    write(
        *(row(at, wait_ms=100, run_ms=2_000) for _ in range(4)),
        *(row(at, Status.FAILED, wait_ms=100, run_ms=2_000) for _ in range(2)),
        row(at, wait_ms=1, run_ms=1, name="no_op"),
    )
    for _ in range(5):
        with db.session() as session:
            count(session, now + LAG, label, RUNS_ENTRIES)
    for minutes, waiting, oldest_ms in ((0, 3, 70_000), (0.1, 8, 9_000)):
        with db.session() as session:
            sample(session, at + timedelta(minutes=minutes), {"user-updates": Backlog(waiting, oldest_ms)})


@pytest.mark.parametrize(("window", "bucket", "minutes"), [("1h", 60, 60), ("24h", 900, 1_440), ("7d", 3_600, 10_080)])
def test_each_window_has_its_figures(as_: Called, counted: None, window: str, bucket: int, minutes: int) -> None:
    """In all and by time; percentiles within their bucket."""
    reply = as_(Role.VIEWER).get(f"{METRICS}?window={window}")

    data = reply.get_json()["data"]
    no_op, refreshes = data["jobs"]
    assert (data["window"], data["bucketSeconds"], no_op["job"], no_op["ended"]) == (window, bucket, "no_op", 1)
    assert {name: refreshes[name] for name in ("ended", "completed", "failed", "perMinute")} == {
        "ended": 6,
        "completed": 4,
        "failed": 2,
        "perMinute": round(6 / minutes, 3),
    }
    assert refreshes["failureRate"] == pytest.approx(1 / 3)
    assert refreshes["waitMs"]["p95"] == pytest.approx(100, rel=0.41)
    assert refreshes["runMs"]["p50"] == pytest.approx(2_000, rel=0.41)
    assert [point["ended"] for point in refreshes["series"]] == [6]


def test_a_queue_shows_the_worst_of_each_stretch(as_: Called, counted: None) -> None:
    """How many waited, and the oldest for how long, at the worst of its looks."""
    data = as_(Role.VIEWER).get(f"{METRICS}?queue=user:updates").get_json()["data"]

    (queue,) = data["queues"]
    (point,) = queue["series"]
    assert (queue["queue"], queue["ended"], point["waiting"], point["oldestWaitingMs"]) == (
        "user-updates",
        7,
        8,
        70_000,
    )


def test_one_job_may_be_asked_for(as_: Called, counted: None) -> None:
    """An unknown one has no figures."""
    viewer = as_(Role.VIEWER)

    names = [
        [one["job"] for one in viewer.get(f"{METRICS}?job={job}").get_json()["data"]["jobs"]] for job in ("no_op", "x")
    ]

    assert names == [["no_op"], []]


def test_a_viewer_sees_them_and_a_user_does_not(as_: Called, client: FlaskClient) -> None:
    """CONTRACTS C42."""
    replies = [client.get(METRICS), *(as_(role).get(METRICS) for role in (Role.USER, Role.VIEWER))]

    assert [reply.status_code for reply in replies] == [401, 403, 200]


def test_another_window_is_refused_by_its_name(as_: Called) -> None:
    """400, with those there are."""
    reply = as_(Role.VIEWER).get(f"{METRICS}?window=2h")

    assert (reply.status_code, reply.get_json()["error"]) == (400, "window: Input should be '1h', '24h' or '7d'")
