"""Flows over the API: all of a tree or none of it, each job checked, run by a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dramatiq import Worker
from flask.testing import FlaskClient
from redis import Redis

from app import db
from app.clock import utc_now
from app.jobs.actor import actor
from app.jobs.catalog import CLEAN_UP, WARM_CACHE
from app.jobs.engine import broker, find_queue
from app.ledger import audit
from app.models.job_status import Status
from app.models.user import Role
from app.settings import settings
from producer.reconcile import Reconciler
from tests.api.conftest import Called, Caller
from tests.ledger.rows import all_rows
from tests.servers import wait_for

FLOWS = "/api/v1/flows"
CLEAN = {"queueName": "cleanup", "jobName": "tidy", "data": {"type": "old_logs", "dryRun": True}}


def warm(key: str, **more: Any) -> dict[str, Any]:
    """A job of another queue, told by its key."""
    return {"queueName": "cache-warming", "jobName": "warm", "data": {"cacheKeys": [key]}, **more}


@pytest.fixture
def operator(
    client: FlaskClient, as_: Called, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Caller:
    """Somebody who acts on queues, on a broker of this test's own."""
    monkeypatch.setenv("QUEUE_PREFIX", f"flows-{request.node.name.encode().hex()[:80]}")
    settings.cache_clear()
    return as_(Role.OPERATOR)


@contextmanager
def working() -> Iterator[list[str]]:
    """A worker on both queues; what it ran, in order. The key ``bad`` cannot be warmed."""
    ran: list[str] = []

    def warm_cache(*, cache_keys: list[str], **_: Any) -> None:
        ran.append(cache_keys[0])
        if cache_keys == ["bad"]:
            raise RuntimeError("it broke")

    actor(WARM_CACHE, throws=RuntimeError)(warm_cache)
    actor(CLEAN_UP)(lambda **_: ran.append("clean"))
    worker = Worker(broker(), queues={"cleanup", "cache-warming"}, worker_threads=4, worker_timeout=50)
    worker.start()
    try:
        yield ran
    finally:
        worker.stop()


def everything_ended() -> bool:
    """Whether every row has."""
    return all(row.ended_at for row in all_rows())


def test_a_tree_is_added_whole_and_its_root_runs_last(operator: Caller) -> None:
    """Leaves first; the tree is shown from whichever of its jobs."""
    tree = {**CLEAN, "children": [warm("a", children=[warm("a1"), warm("a2")]), warm("b")], "reason": "spring"}
    answer = operator.post(FLOWS, json=tree)
    root = answer.get_json()["data"]
    with working() as ran:
        wait_for(everything_ended, "the flow to end")
    leaf = next(row for row in all_rows() if row.data == {"cacheKeys": ["a1"]})
    shown = operator.get(f"{FLOWS}/cache-warming/{leaf.job_id}").get_json()["data"]

    assert (answer.status_code, root["queueName"]) == (201, "cleanup")
    assert ran[-1] == "clean"
    assert sorted(ran[:-1]) == ["a", "a1", "a2", "b"]
    assert ran.index("a") > max(ran.index("a1"), ran.index("a2"))
    assert (shown["jobId"], shown["jobName"], shown["status"]) == (root["jobId"], "tidy", "completed")
    assert sorted(len(child["children"]) for child in shown["children"]) == [0, 2]
    with db.reading() as session:
        entry = session.scalars(audit.trail()).first()
    assert entry is not None
    assert (entry.action, entry.target, entry.why) == ("flow.added", "queue cleanup", "spring")


def test_a_chain_runs_in_turn_and_what_fails_fails_those_behind(operator: Caller) -> None:
    """The one before has had its run; those behind never run."""
    operator.post(f"{FLOWS}/chain", json={"jobs": [warm("1"), warm("2"), warm("3")]})
    with working() as ran:
        wait_for(everything_ended, "the first chain to end")
        operator.post(f"{FLOWS}/chain", json={"jobs": [warm("4"), warm("bad"), warm("5"), CLEAN]})
        wait_for(everything_ended, "the second chain to end")

    assert ran == ["1", "2", "3", "4", "bad"]
    ends = {str(row.data): row.status for row in all_rows()}
    assert list(ends.values()).count(Status.FAILED) == 3
    assert ends["{'cacheKeys': ['4']}"] == Status.COMPLETED


def test_a_parent_may_do_without_a_child_that_fails(operator: Caller) -> None:
    """By BullMQ's option."""
    bad = warm("bad", options={"onFailure": "ignoreDependencyOnFailure"})
    operator.post(FLOWS, json={**CLEAN, "children": [bad, warm("good")]})

    with working() as ran:
        wait_for(everything_ended, "the flow to end")

    assert (sorted(ran), ran[-1]) == (["bad", "clean", "good"], "clean")


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        ({**CLEAN, "data": {"type": "everything"}}, "data.type: Input should be 'old_logs'"),
        ({**CLEAN, "children": [warm("a"), warm("a\n")]}, "children.1.data.cacheKeys.0: String should match pattern"),
        (
            {**CLEAN, "children": [warm("a", children=[{**CLEAN, "queueName": "no"}])]},
            "children.0.children.0.queueName: no queue",
        ),
        ({**CLEAN, "jobName": "export_data"}, "jobName: no job 'export_data' can be added by hand to queue 'cleanup'"),
        (
            {**CLEAN, "children": [warm("a", options={"onFailure": "cry"})]},
            "children.0.options.onFailure: Input should be",
        ),
        ({**CLEAN, "children": [warm("a", children=[warm("b")] * 100)] * 2}, "flow: 203 jobs are more than 200"),
    ],
)
def test_a_tree_with_one_bad_job_is_refused_whole(operator: Caller, tree: dict[str, Any], fault: str) -> None:
    """The job and its field are named; no row and no job is left."""
    answer = operator.post(FLOWS, json=tree)

    assert answer.status_code == 400
    assert answer.get_json()["error"].startswith(fault)
    assert all_rows() == []
    assert find_queue("cache-warming").count() == 0


def test_a_bad_job_of_a_chain_is_named_by_its_place(operator: Caller) -> None:
    """Not by that in the tree which the chain becomes."""
    answer = operator.post(f"{FLOWS}/chain", json={"jobs": [warm("1"), {**CLEAN, "data": {}}, warm("3")]})

    assert (answer.status_code, answer.get_json()["error"]) == (400, "jobs.1.data.type: Field required")
    assert all_rows() == []


def test_a_flow_that_could_not_be_shown_whole_is_refused(operator: Caller) -> None:
    """A chain whose first job has a long way of its own."""
    deep = warm("leaf")
    for number in range(3):
        deep = warm(f"level-{number}", children=[deep])
    jobs = [deep, *(warm(f"link-{number}") for number in range(9))]

    answer = operator.post(f"{FLOWS}/chain", json={"jobs": jobs})

    assert (answer.status_code, answer.get_json()["error"][:44]) == (
        400,
        "flow: 12 levels of children are more than 10",
    )
    assert all_rows() == []


def test_a_flow_outlives_the_loss_of_redis(operator: Caller, redis: Redis) -> None:
    """Its rows have it whole, and the reconciler adds it again."""
    operator.post(FLOWS, json={**CLEAN, "children": [warm("a"), warm("b")]})
    redis.flushall()

    Reconciler(broker(), lambda: None)(utc_now())
    with working() as ran:
        wait_for(everything_ended, "the flow to end")

    assert (sorted(ran), ran[-1]) == (["a", "b", "clean"], "clean")


def test_a_viewer_sees_a_flow_and_adds_none(operator: Caller, as_: Called) -> None:
    """A job that belongs to none is shown alone."""
    viewer = as_(Role.VIEWER)
    root = operator.post(FLOWS, json=CLEAN).get_json()["data"]

    assert viewer.post(FLOWS, json=CLEAN).status_code == 403
    assert viewer.get(f"{FLOWS}/cleanup/{root['jobId']}").get_json()["data"]["children"] == []
    assert viewer.get(f"{FLOWS}/cleanup/none").status_code == 404
