"""/api/v1/queues: what queues hold, and queues in an operator's hands (document 003)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app import db
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import emergency
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.jobs.user_updates import enqueue_user
from app.ledger import audit
from app.ledger.settings import settings_by_queue
from app.models.audit_entry import AuditEntry
from app.models.job_status import Status
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.ledger.rows import all_rows
from tests.servers import free_port

QUEUES = "/api/v1/queues"
MAIN = f"{QUEUES}/user-updates"


@pytest.fixture
def queue(client: FlaskClient) -> Queue:
    """The main queue."""
    return find_queue("user-updates")


@pytest.fixture
def operator(as_: Called) -> Caller:
    """Somebody who acts on queues."""
    return as_(Role.OPERATOR)


def trail() -> list[AuditEntry]:
    """What was done, the newest first."""
    with db.reading() as session:
        return list(session.scalars(audit.trail()))


def end_by_hand(queue: Queue, job_id: str, state: str, ago_s: int) -> None:
    """The job ended that long ago, as far as Redis knows."""
    at = queue.now_ms() - ago_s * 1_000
    queue.redis.lrem(queue.keys["wait"], 1, job_id)
    queue.redis.zadd(queue.keys[state], {job_id: at})
    queue.redis.hset(queue.keys[job_id], "finishedOn", at)


# --- in view


def test_every_queue_has_its_five_counts(as_: Called, queue: Queue) -> None:
    """CONTRACTS S3-8, S3-9: in the documented envelope; a prioritized job is among the waiting (C40)."""
    none = {"waiting": 0, "active": 0, "completed": 0, "failed": 0, "delayed": 0}
    enqueue_user("1")
    queue.add("no_op", {}, priority=5)
    queue.add("no_op", {}, delay_ms=60_000)
    viewer = as_(Role.VIEWER)

    of_all = viewer.get(f"{QUEUES}/metrics")
    of_one = viewer.get(f"{MAIN}/metrics")

    held = {**none, "waiting": 2, "delayed": 1}
    assert of_all.get_json() == {"success": True, "data": {**dict.fromkeys(queues(), none), "user-updates": held}}
    assert of_one.get_json() == {"success": True, "data": held}


def test_the_counts_are_the_same_under_every_prefix(as_: Called, queue: Queue) -> None:
    """CONTRACTS C3: one service layer behind them."""
    for number in range(3):
        enqueue_user(str(number))
    queue.add("no_op", {}, priority=1)
    queue.add("no_op", {}, delay_ms=60_000)
    end_by_hand(queue, queue.add("no_op", {}), "failed", ago_s=1)
    admin = as_(Role.ADMIN)

    ours = admin.get(f"{MAIN}/metrics").get_json()["data"]
    in_all = admin.get(f"{QUEUES}/metrics").get_json()["data"]["user-updates"]
    stats = admin.get("/app/job-status/queue/stats").get_json()["data"]
    system = admin.get("/app/jobs/admin/system-stats").get_json()["data"]["performance"]["queues"]["user-updates"]

    assert ours == in_all == {"waiting": 4, "active": 0, "completed": 0, "failed": 1, "delayed": 1}
    for other in (stats, system):
        assert {**{name: other[name] for name in ours}, "waiting": other["waiting"] + other["prioritized"]} == ours


@pytest.mark.parametrize("alias", ["user:updates", "user-updates"])
def test_a_colon_stands_for_a_hyphen(as_: Called, operator: Caller, queue: Queue, alias: str) -> None:
    """CONTRACTS C4: an alias, and canonical names in answers and on the trail."""
    enqueue_user("1")

    counts = as_(Role.VIEWER).get(f"{QUEUES}/{alias}/metrics").get_json()["data"]
    paused = operator.post(f"{QUEUES}/{alias}/pause")

    assert (counts["waiting"], paused.status_code, trail()[0].target) == (1, 200, "queue user-updates")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "nothing/metrics"),
        ("get", "nothing/jobs?state=failed"),
        ("get", "nothing/jobs/7"),
        ("get", "no:such/metrics"),
        ("post", "nothing/pause"),
        ("post", "nothing/drain"),
        ("delete", "nothing/jobs/7"),
        ("post", "nothing/jobs/7/retry"),
    ],
)
def test_an_unknown_queue_names_the_known_ones(operator: Caller, method: str, path: str) -> None:
    """404, and nothing on the trail."""
    reply = getattr(operator, method)(f"{QUEUES}/{path}")

    name = path.partition("/")[0]
    error = f"no queue named '{name}'; known queues: {', '.join(queues())}"
    assert (reply.status_code, reply.get_json()) == (404, {"success": False, "error": error})
    assert trail() == []


# --- who may


@pytest.mark.parametrize("path", ["metrics", "user-updates/metrics", "user-updates/jobs?state=failed"])
def test_a_viewer_reads_and_a_user_does_not(as_: Called, client: FlaskClient, path: str) -> None:
    """CONTRACTS C42."""
    found = [client.get(f"{QUEUES}/{path}"), *(as_(role).get(f"{QUEUES}/{path}") for role in (Role.USER, Role.VIEWER))]

    assert [reply.status_code for reply in found] == [401, 403, 200]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("post", act) for act in ("pause", "resume", "clean", "drain", "jobs", "jobs/7/retry", "jobs/7/promote")),
        ("delete", "jobs/7"),
    ],
)
def test_only_an_operator_acts(as_: Called, method: str, path: str) -> None:
    """CONTRACTS C42: whatever the body."""
    reply = getattr(as_(Role.VIEWER), method)(f"{MAIN}/{path}")

    assert (reply.status_code, reply.get_json()["success"]) == (403, False)


# --- in hand


def test_a_queue_is_paused_and_resumed(operator: Caller, queue: Queue) -> None:
    """CONTRACTS S3-13: in SQL too, so that it survives the loss of Redis; with who and why on the trail."""
    paused = operator.post(f"{MAIN}/pause", json={"reason": "Amazon is down"})
    while_paused = (queue.is_paused(), _kept())
    resumed = operator.post(f"{MAIN}/resume")

    assert paused.get_json() == {"success": True, "message": "Queue paused successfully"}
    assert resumed.get_json() == {"success": True, "message": "Queue resumed successfully"}
    assert while_paused == (True, True)
    assert (queue.is_paused(), _kept()) == (False, None)
    assert [(act.action, act.actor, act.target, act.why) for act in trail()] == [
        ("queue.resumed", operator.id, "queue user-updates", None),
        ("queue.paused", operator.id, "queue user-updates", "Amazon is down"),
    ]


def test_no_queue_is_resumed_while_an_emergency_stop_lasts(operator: Caller, queue: Queue) -> None:
    """CONTRACTS C27: 409; only an administrator ends the stop."""
    emergency.stop_everything(by="1", at=utc_now())

    reply = operator.post(f"{MAIN}/resume")

    assert (reply.status_code, queue.is_paused()) == (409, True)


def test_a_queue_paused_during_an_emergency_stop_stays_paused_after_it(operator: Caller, queue: Queue) -> None:
    """CONTRACTS C27: the restart undoes the stop, not what was done by hand."""
    emergency.stop_everything(by="1", at=utc_now())
    operator.post(f"{MAIN}/pause")

    emergency.restart(by="1", at=utc_now())

    paused = {name for name in queues() if find_queue(name).is_paused()}
    assert (paused, _kept()) == ({"user-updates"}, True)


def test_a_pause_that_redis_did_not_hear_of_did_not_happen(operator: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, nothing kept, nothing on the trail: ask again."""
    monkeypatch.setenv("QUEUE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    settings.cache_clear()

    reply = operator.post(f"{MAIN}/pause")

    assert (reply.status_code, _kept(), trail()) == (503, None, [])


def test_cleaning_removes_what_ended_before_the_grace(operator: Caller, queue: Queue) -> None:
    """CONTRACTS S3-14: seconds, not milliseconds; completed and failed jobs, and nothing that waits."""
    ages = {"completed": (3_500, 3_700), "failed": (3_500, 3_700)}
    ids = {(state, age): queue.add("no_op", {}) for state, of_state in ages.items() for age in of_state}
    for (state, age), job_id in ids.items():
        end_by_hand(queue, job_id, state, age)
    waiting = queue.add("no_op", {})

    reply = operator.post(f"{MAIN}/clean", json={"gracePeriod": 3_600, "reason": "tidy"})

    left = {job.id for job in queue.get_jobs(["waiting", "completed", "failed"])}
    assert reply.get_json() == {"success": True, "message": "Queue cleaned successfully"}
    assert left == {ids["completed", 3_500], ids["failed", 3_500], waiting}
    assert (trail()[0].action, trail()[0].details, trail()[0].why) == ("queue.cleaned", {"gracePeriod": 3_600}, "tidy")


@pytest.mark.parametrize("grace", [None, -1, 1.5, "3600", True, 10**30, 2**53, [], {}])
def test_a_bad_grace_is_told_its_unit(operator: Caller, grace: Any) -> None:
    """CONTRACTS C19: one document counts in seconds, BullMQ in milliseconds."""
    replies = [operator.post(f"{MAIN}/clean", json=body) for body in ({"gracePeriod": grace}, {})]

    error = "gracePeriod: must be a whole number of seconds, 0 to 316224000"
    assert [(reply.status_code, reply.get_json()["error"]) for reply in replies] == [(400, error)] * 2


def test_draining_removes_what_waits_and_its_rows_say_so(operator: Caller, queue: Queue) -> None:
    """The ledger is told first, so nothing comes back."""
    waiting, delayed = enqueue_user("1"), queue.add("no_op", {}, delay_ms=60_000)
    ended = queue.add("no_op", {})
    end_by_hand(queue, ended, "completed", ago_s=1)

    reply = operator.post(f"{MAIN}/drain")
    after_one = {job.id for job in queue.get_jobs(["waiting", "delayed", "completed"])}
    operator.post(f"{MAIN}/drain", json={"delayed": True})

    assert reply.get_json() == {"success": True, "message": "Queue drained successfully"}
    assert after_one == {delayed, ended}
    assert {job.id for job in queue.get_jobs(["waiting", "delayed", "completed"])} == {ended}
    statuses = {row.job_id: row.status for row in all_rows()}
    assert (statuses[waiting], statuses[delayed]) == (Status.REMOVED, Status.REMOVED)
    assert [act.details for act in trail()] == [{"delayed": True}, {"delayed": False}]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("pause", [], "body"),
        ("pause", {"reason": ""}, "reason"),
        ("pause", {"reason": 7}, "reason"),
        ("resume", {"force": True}, "force"),
        ("drain", {"delayed": "yes"}, "delayed"),
        ("clean", {"gracePeriod": 1, "state": "wait"}, "state"),
    ],
)
def test_a_bad_body_is_refused_by_its_field(operator: Caller, path: str, body: Any, field: str) -> None:
    """400, and nothing on the trail."""
    reply = operator.post(f"{MAIN}/{path}", json=body)

    assert (reply.status_code, reply.get_json()["error"].partition(":")[0]) == (400, field)
    assert trail() == []


def _kept() -> Any:
    """Whether SQL has the main queue paused."""
    with db.reading() as session:
        return settings_by_queue(session.connection()).get("user-updates", {}).get("paused")
