"""/api/v1/jobs/:id/why: the reasons of app.jobs.why, for whoever may see the job."""

from __future__ import annotations

from itertools import count

import pytest
from flask.testing import FlaskClient

from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab.pausing import pause_queue
from app.jobs.engine import find_queue
from app.jobs.user_updates import enqueue_user
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called

BROKERS = count(1)


@pytest.fixture
def queue(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """The main queue, on a broker of this test's own."""
    monkeypatch.setenv("QUEUE_PREFIX", f"api-why-{next(BROKERS)}")
    settings.cache_clear()
    return find_queue("user-updates")


def test_a_viewer_is_told_who_paused_and_the_owner_only_that_it_is_paused(as_: Called, queue: Queue) -> None:
    """In order, with the time of the pause; what an operator said is not the user's."""
    owner, viewer = as_(), as_(Role.VIEWER)
    job_id = enqueue_user(owner.id)
    pause_queue(queue, by="ada", at=utc_now(), why="Amazon is down")

    to_viewer, to_owner = (one.get(f"/api/v1/jobs/{job_id}/why").get_json()["data"] for one in (viewer, owner))

    assert [reason["kind"] for reason in to_viewer["reasons"]] == ["queue-paused", "no-worker"]
    assert (to_viewer["reasons"][0]["by"], to_viewer["reasons"][0]["reason"]) == ("ada", "Amazon is down")
    assert [set(reason) for reason in to_owner["reasons"]] == [{"kind", "text", "since"}, {"kind", "text", "workers"}]


def test_anothers_job_and_one_that_is_none_are_not_found(as_: Called, queue: Queue) -> None:
    """The same answer for both."""
    job_id = enqueue_user(as_().id)
    stranger = as_()

    statuses = [stranger.get(f"/api/v1/jobs/{name}/why").status_code for name in (job_id, "no-such", "meta")]

    assert statuses == [404, 404, 404]


def test_a_job_without_a_row_is_found_in_its_queue(as_: Called, queue: Queue) -> None:
    """A Node producer's, that no worker has seen yet."""
    viewer, owner = as_(Role.VIEWER), as_()
    queue.redis.hset(queue.keys["node-1"], mapping={"name": "process_user_data", "data": "{}", "timestamp": "1"})
    queue.redis.lpush(queue.keys["wait"], "node-1")

    replies = [one.get("/api/v1/jobs/node-1/why") for one in (viewer, owner)]

    assert [reply.status_code for reply in replies] == [200, 404]
    assert replies[0].get_json()["data"]["reasons"][0]["kind"] == "no-worker"
