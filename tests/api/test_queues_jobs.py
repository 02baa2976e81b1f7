"""/api/v1/queues/:queueName/jobs: jobs added, seen and steered one by one (document 003)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dramatiq import Worker
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import Field
from sqlalchemy import select

from app import db
from app.broker.queue import Queue
from app.broker.schedulers import Repeat
from app.jobs import catalog
from app.jobs.actor import actor
from app.jobs.catalog import NO_OP, USER_UPDATES, JobSpec
from app.jobs.engine import broker, find_queue
from app.jobs.payloads import Payload
from app.ledger import audit
from app.models.audit_entry import AuditEntry
from app.models.job_status import JobStatus, Status
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.ledger.rows import all_rows, only_row
from tests.servers import free_port, wait_for

QUEUES = "/api/v1/queues"
JOBS = f"{QUEUES}/user-updates/jobs"
NO_SUCH = {"success": False, "error": "no job '77' in queue 'user-updates'"}


class Aggregate(Payload):
    """Data of document 003."""

    publisher_id: str = Field(alias="publisherId")
    granularity: str
    filters: dict[str, Any] | None = None


AGGREGATE: JobSpec[Aggregate] = JobSpec("aggregate_events", "analytics-aggregation", Aggregate, takes_any_name=True)


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog has a queue of document 003, whose job takes any name."""
    monkeypatch.setattr(catalog, "SPECS", {**catalog.SPECS, AGGREGATE.name: AGGREGATE})


@pytest.fixture
def queue(client: FlaskClient, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Queue:
    """The main queue, on a broker of this test's own."""
    monkeypatch.setenv("QUEUE_PREFIX", f"queues-{request.node.name.encode().hex()[:80]}")
    settings.cache_clear()
    return find_queue("user-updates")


@pytest.fixture
def operator(as_: Called, queue: Queue) -> Caller:
    """Somebody who acts on queues."""
    return as_(Role.OPERATOR)


def added(operator: Caller, user_id: str = "7", **options: Any) -> str:
    """The id of a job that was added over the API."""
    body = {"jobName": "process_user_data", "data": {"user_id": user_id}, "options": options}
    job_id: str = operator.post(JOBS, json=body).get_json()["data"]["jobId"]
    return job_id


def fail(queue: Queue, job_id: str, reason: str = "it broke") -> None:
    """A worker has failed it, as far as Redis and the ledger know."""
    actor(NO_OP)(lambda: None)

    @actor(catalog.PROCESS_USER_DATA, throws=RuntimeError)
    def _broken(**_: Any) -> None:
        raise RuntimeError(reason)

    worker = Worker(broker(), queues={USER_UPDATES}, worker_threads=3, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: queue.job_state(job_id) == "failed", f"job {job_id} to fail")
    finally:
        worker.stop()


def trail() -> list[AuditEntry]:
    """What was done, the newest first."""
    with db.reading() as session:
        return list(session.scalars(audit.trail()))


# --- adding


def test_a_job_is_added_with_its_row_and_its_trace(operator: Caller, queue: Queue) -> None:
    """CONTRACTS S3-10: the documented envelope, the options heeded, the act and the promise in one transaction."""
    body = {
        "jobName": "process_user_data",
        "data": {"user_id": "7", "cadence": "weekly"},
        "options": {"priority": 10, "delay": 5_000},
        "reason": "asked by phone",
    }

    reply = operator.post(f"{QUEUES}/user:updates/jobs", json=body)

    job_id = reply.get_json()["data"]["jobId"]
    answered = {"jobId": job_id, "queueName": "user-updates", "jobName": "process_user_data"}
    assert (reply.status_code, reply.get_json()) == (201, {"success": True, "data": answered})
    job, row, act = queue.get_job(job_id), only_row(), trail()[0]
    assert job is not None
    assert (job.data, job.delay, job.opts["priority"]) == (body["data"], 5_000, 10)
    assert (job.opts["attempts"], job.opts["backoff"]) == (4, {"type": "exponential", "delay": 2_000})
    assert (row.job_id, row.status, row.priority) == (job_id, Status.DELAYED, 10)
    assert (act.action, act.actor, act.target, act.why) == (
        "job.added",
        operator.id,
        f"job user-updates/{job_id}",
        "asked by phone",
    )
    assert "user_id" not in json.dumps(act.details)


def test_lower_priorities_come_first_and_none_before_all(operator: Caller, queue: Queue) -> None:
    """CONTRACTS C20."""
    ids = {priority: added(operator, priority=priority) for priority in (10, 5)}
    none = added(operator)

    waiting = [job.id for job in queue.get_jobs(["waiting", "prioritized"], asc=True)]

    assert waiting == [none, ids[5], ids[10]]


def test_a_free_name_is_a_label_where_the_queue_has_a_default(labels: None, operator: Caller) -> None:
    """CONTRACTS C29: with the default's data and limits; the documented request, colon and all."""
    data = {"publisherId": "pub-123", "granularity": "day"}

    reply = operator.post(
        f"{QUEUES}/analytics:aggregation/jobs", json={"jobName": "custom-aggregation", "data": data, "options": {}}
    )

    answered = reply.get_json()["data"]
    job = find_queue("analytics-aggregation").get_job(answered["jobId"])
    assert (answered["queueName"], answered["jobName"]) == ("analytics-aggregation", "custom-aggregation")
    assert job is not None
    assert (job.name, only_row().name) == ("custom-aggregation", "custom-aggregation")


def test_a_job_has_the_documented_options_by_default(labels: None, operator: Caller) -> None:
    """CONTRACTS S3-16, C1, C2: three runs, waits of 2 s and 4 s; kept a day and 1,000, or a week."""
    data = {"publisherId": "pub-123", "granularity": "day"}
    reply = operator.post(f"{QUEUES}/analytics-aggregation/jobs", json={"jobName": "daily", "data": data})

    job = find_queue("analytics-aggregation").get_job(reply.get_json()["data"]["jobId"])

    assert job is not None
    assert job.opts == {
        "attempts": 3,
        "backoff": {"type": "exponential", "delay": 2_000},
        "removeOnComplete": {"age": 86_400, "count": 1_000},
        "removeOnFail": {"age": 604_800},
    }


@pytest.mark.parametrize(
    ("queue_name", "job_name", "known"),
    [
        ("user-updates", "custom-update", "no_op, process_user_data"),
        ("user-updates", "beat", "no_op, process_user_data"),
        ("cron", "beat", "none"),
        ("cron-jobs", "run_entry", "none"),
        ("analytics-aggregation", "process_user_data", "aggregate_events"),
    ],
)
def test_an_unknown_job_name_is_refused(
    labels: None, operator: Caller, queue_name: str, job_name: str, known: str
) -> None:
    """And what would do: a job of another queue is a mistake, the crontab's own are added by it alone."""
    reply = operator.post(f"{QUEUES}/{queue_name}/jobs", json={"jobName": job_name, "data": {}})

    error = f"no job {job_name!r} can be added by hand to queue {queue_name!r}; known names: {known}"
    assert (reply.status_code, reply.get_json()["error"]) == (400, error)
    assert (trail(), all_rows()) == ([], [])


def test_a_queue_with_a_colon_cannot_be_made(operator: Caller) -> None:
    """CONTRACTS C4: 400; one without is not found."""
    body = {"jobName": "send", "data": {}}

    replies = [operator.post(f"{QUEUES}/{name}/jobs", json=body) for name in ("no:such", "no-such")]

    assert [reply.status_code for reply in replies] == [400, 404]
    assert "use a hyphen" in replies[0].get_json()["error"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"data": {}}, "data.user_id: Field required"),
        ({"data": {"user_id": 7}}, "data.user_id: Input should be a valid string"),
        ({"data": {"user_id": "a:b"}}, "data.user_id: String should match"),
        ({"data": {"user_id": "7", "cadence": "hourly"}}, "data.cadence: Input should be 'daily', 'weekly' or 'both'"),
        ({"data": {"user_id": "7", "more": 1}}, "data.more: Extra inputs are not permitted"),
        ({"data": []}, "data: Input should be a valid dictionary"),
        ({"data": None}, "data: Input should be a valid dictionary"),
        ({"jobName": ""}, "jobName: String should have at least 1 character"),
        ({"jobName": 7}, "jobName: Input should be a valid string"),
        ({"jobName": "a\nb"}, "jobName: String should match"),
        ({"jobName": "a\0b"}, "jobName: holds a NUL character"),
        ({"jobName": "a" * 129}, "jobName: String should have at most 128 characters"),
        ({"options": {"priority": -1}}, "options.priority: must be a whole number"),
        ({"options": {"priority": 2**21 + 1}}, "options.priority: must be a whole number"),
        ({"options": {"priority": True}}, "options.priority: must be a whole number"),
        ({"options": {"delay": -1}}, "options.delay: must be a whole number of milliseconds, 0 to 31622400000"),
        ({"options": {"delay": 1e3}}, "options.delay: must be a whole number of milliseconds"),
        ({"options": {"delay": "5s"}}, "options.delay: must be a whole number of milliseconds"),
        ({"options": {"delay": 10**30}}, "options.delay: must be a whole number of milliseconds"),
        ({"options": {"jobId": "a:b"}}, "options.jobId: Extra inputs are not permitted"),
        ({"options": []}, "options: Input should be a valid dictionary"),
        ({"queue": "cron"}, "queue: Extra inputs are not permitted"),
    ],
)
def test_a_bad_job_is_refused_by_its_field(operator: Caller, queue: Queue, change: dict[str, Any], error: str) -> None:
    """400, nothing added, nothing on the trail."""
    body = {"jobName": "process_user_data", "data": {"user_id": "7"}, **change}

    reply = operator.post(JOBS, json=body)

    assert (reply.status_code, reply.get_json()["error"][: len(error)]) == (400, error)
    assert (trail(), all_rows(), queue.count()) == ([], [], 0)


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ('{"n": NaN}', "body: not JSON in UTF-8"),
        ('{"n": 1e999}', "data.filters.n: number out of range"),
        ('{"n": "\\ud800"}', "data.filters.n: holds a NUL character or half of a surrogate pair"),
        ('{"n": %s}' % ("[" * 30 + "]" * 30), "body: nested deeper than 20 levels"),
    ],
)
def test_data_that_no_queue_can_hold_are_refused(labels: None, operator: Caller, filters: str, says: str) -> None:
    """Where the payload takes anything."""
    data = f'{{"publisherId": "p", "granularity": "day", "filters": {filters}}}'

    reply = operator.post(f"{QUEUES}/analytics-aggregation/jobs", data=f'{{"jobName": "x", "data": {data}}}'.encode())

    assert (reply.status_code, reply.get_json()["error"][: len(says)]) == (400, says)


def test_a_job_is_not_promised_while_redis_is_away(operator: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """503: no id was given, so nothing was accepted."""
    monkeypatch.setenv("QUEUE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    settings.cache_clear()

    reply = operator.post(JOBS, json={"jobName": "process_user_data", "data": {"user_id": "7"}})

    assert (reply.status_code, all_rows(), trail()) == (503, [], [])


# --- seen


def test_a_job_shows_exactly_the_documented_fields(as_: Called, operator: Caller, queue: Queue) -> None:
    """CONTRACTS S3-11."""
    job_id = added(operator)
    queue.update_progress(job_id, 75)

    reply = as_(Role.VIEWER).get(f"{JOBS}/{job_id}")

    shown = {
        "id": job_id,
        "name": "process_user_data",
        "data": {"user_id": "7", "cadence": "daily"},
        "progress": 75,
        "attemptsMade": 0,
        "processedOn": None,
        "finishedOn": None,
    }
    assert (reply.status_code, reply.get_json()) == (200, {"success": True, "data": shown})


def test_a_failed_job_is_inspected_retried_and_removed(operator: Caller, queue: Queue) -> None:
    """CONTRACTS S3-21: its error in full; the row opens again, and ends removed; each act on the trail."""
    job_id = added(operator)
    queue.log(job_id, "wrote to ada@example.com")
    fail(queue, job_id, "no answer for ada@example.com")

    status = operator.get(f"{JOBS}/{job_id}").get_json()["data"]
    (listed,) = operator.get(f"{JOBS}?state=failed").get_json()["data"]["jobs"]
    logs = operator.get(f"{JOBS}/{job_id}/logs").get_json()["data"]
    retried = operator.post(f"{JOBS}/{job_id}/retry", json={"reason": "they are back"})
    after_retry = (queue.job_state(job_id), only_row().status)
    removed = operator.delete(f"{JOBS}/{job_id}?reason=not%20needed")

    assert (status["attemptsMade"], status["finishedOn"] >= status["processedOn"]) == (1, True)
    assert listed["failedReason"] == logs["failedReason"] == "no answer for [redacted]"
    assert (logs["logs"], logs["count"]) == (["wrote to [redacted]"], 1)
    assert "RuntimeError" in logs["stacktrace"][0]
    assert "ada@" not in json.dumps([status, listed, logs])
    assert retried.get_json() == {"success": True, "message": "Job retried successfully"}
    assert after_retry == ("waiting", Status.WAITING)
    assert removed.get_json() == {"success": True, "message": "Job removed successfully"}
    assert (queue.get_job(job_id), only_row().status) == (None, Status.REMOVED)
    assert [(act.action, act.actor, act.why) for act in trail()] == [
        ("job.removed", operator.id, "not needed"),
        ("job.retried", operator.id, "they are back"),
        ("job.added", operator.id, None),
    ]


def test_a_job_that_waits_for_its_retry_is_delayed_not_failed(operator: Caller, queue: Queue) -> None:
    """CONTRACTS C15."""
    job_id = added(operator)

    @actor(catalog.PROCESS_USER_DATA)
    def _broken(**_: Any) -> None:
        raise RuntimeError("not yet")

    worker = Worker(broker(), queues={USER_UPDATES}, worker_threads=3, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: queue.job_state(job_id) == "delayed", "the first run to fail")
        counts = operator.get(f"{QUEUES}/user-updates/metrics").get_json()["data"]
    finally:
        worker.stop()

    assert (counts["delayed"], counts["failed"]) == (1, 0)


def test_a_delayed_job_is_promoted(operator: Caller, queue: Queue) -> None:
    """It waits for a worker now."""
    job_id = added(operator, delay=60_000)

    reply = operator.post(f"{JOBS}/{job_id}/promote")

    assert reply.get_json() == {"success": True, "message": "Job promoted successfully"}
    assert (queue.job_state(job_id), trail()[0].action) == ("waiting", "job.promoted")


def test_what_the_state_forbids_is_a_409_and_told_on_the_trail(operator: Caller, queue: Queue) -> None:
    """A job that waits is neither retried nor promoted; one that runs is not removed."""
    waiting, running = added(operator), added(operator)
    queue.redis.set(queue.keys.lock(running), "w:1")

    replies = [
        operator.post(f"{JOBS}/{waiting}/retry"),
        operator.post(f"{JOBS}/{waiting}/promote"),
        operator.delete(f"{JOBS}/{running}"),
    ]

    assert [reply.status_code for reply in replies] == [409] * 3
    assert [reply.get_json()["error"].partition(";")[0] for reply in replies] == [
        f"job '{waiting}' in queue 'user-updates' is waiting",
        f"job '{waiting}' in queue 'user-updates' is waiting",
        f"job '{running}' in queue 'user-updates' is running",
    ]
    failed = [act.details["action"] for act in trail() if act.action == "act.failed"]
    assert failed == ["job.removed", "job.promoted", "job.retried"]
    assert {row.status for row in all_rows()} == {Status.WAITING}


def test_a_refused_retry_leaves_the_row_as_it_is(operator: Caller, queue: Queue) -> None:
    """Its end is on record, and about to reach Redis."""
    job_id = added(operator)
    with db.session() as session:
        row = session.scalars(select(JobStatus)).one()
        row.status, row.ended_at = Status.COMPLETED, row.queued_at

    reply = operator.post(f"{JOBS}/{job_id}/retry")

    assert (reply.status_code, only_row().status) == (409, Status.COMPLETED)


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("get", "/logs"), ("delete", ""), ("post", "/retry"), ("post", "/promote")],
)
def test_an_unknown_job_is_not_found(operator: Caller, method: str, path: str) -> None:
    """404 with its name, and nothing on the trail."""
    reply = getattr(operator, method)(f"{JOBS}/77{path}")

    assert (reply.status_code, reply.get_json(), trail()) == (404, NO_SUCH, [])


@pytest.mark.parametrize("job_id", ["meta", "wait", "id", "events", "completed", "marker", "7:logs", "7:lock"])
def test_a_key_of_the_queue_is_no_job(operator: Caller, queue: Queue, job_id: str) -> None:
    """Removing the job ``meta`` would resume a paused queue."""
    queue.redis.set(queue.keys["7:lock"], "w:1")
    queue.redis.rpush(queue.keys["7:logs"], "a line")
    added(operator)
    queue.pause()
    before = queue.redis.dbsize()

    replies = [operator.get(f"{JOBS}/{job_id}"), operator.delete(f"{JOBS}/{job_id}")]

    assert [reply.status_code for reply in replies] == [404, 404]
    assert (queue.is_paused(), queue.redis.dbsize()) == (True, before)


def test_a_schedulers_job_is_seen_and_not_removed(operator: Caller, queue: Queue) -> None:
    """Its id holds colons, as BullMQ gives it; the scheduler is what would be removed."""
    job_id = queue.upsert_job_scheduler("hourly", Repeat(every_ms=3_600_000), name="no_op")

    shown = operator.get(f"{JOBS}/{job_id}")
    removed = operator.delete(f"{JOBS}/{job_id}")

    assert (shown.status_code, shown.get_json()["data"]["id"], ":" in str(job_id)) == (200, job_id, True)
    assert removed.status_code == 409


def test_what_others_wrote_is_shown_as_far_as_it_can_be(operator: Caller, queue: Queue) -> None:
    """Data that are no JSON come as their text."""
    job_id = added(operator)
    queue.redis.hset(queue.keys[job_id], mapping={"data": "{ada@example.com", "progress": "<half>", "atm": "x"})

    shown = operator.get(f"{JOBS}/{job_id}").get_json()["data"]

    assert (shown["data"], shown["progress"], shown["attemptsMade"]) == ("{[redacted]", "<half>", 0)


def test_personal_data_are_hidden(operator: Caller, queue: Queue) -> None:
    """CONTRACTS C46: in one job and in lists; in Redis they stay, for the worker."""
    data = {
        "reportType": "daily",
        "recipients": ["ada@example.com", "bob"],
        "note": "to cy@example.com",
        "apiKey": "k1",
    }
    job_id = queue.add("send_report", data)

    one = operator.get(f"{JOBS}/{job_id}").get_json()["data"]
    (listed,) = operator.get(f"{JOBS}?state=waiting").get_json()["data"]["jobs"]

    hidden = {
        "reportType": "daily",
        "recipients": ["[redacted]", "[redacted]"],
        "note": "to [redacted]",
        "apiKey": "[redacted]",
    }
    assert one["data"] == listed["data"] == hidden


# --- lists


def test_a_state_is_listed_page_by_page(as_: Called, operator: Caller, queue: Queue) -> None:
    """In the order in which they run."""
    ids = [added(operator, str(number)) for number in range(3)]
    viewer = as_(Role.VIEWER)

    first = viewer.get(f"{JOBS}?state=waiting&limit=2").get_json()["data"]
    second = viewer.get(f"{JOBS}", query_string={"state": "waiting", "limit": 2, "cursor": first["next"]})

    assert [job["id"] for job in first["jobs"]] == ids[:2]
    assert [job["id"] for job in second.get_json()["data"]["jobs"]] == ids[2:]
    assert second.get_json()["data"]["next"] is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "state: Field required"),
        ("state=lost", "state: Input should be 'waiting', 'prioritized'"),
        ("state=failed&limit=0", "limit: Input should be greater than or equal to 1"),
        ("state=failed&limit=1001", "limit: Input should be less than or equal to 1000"),
        ("state=failed&limit=NaN", "limit: Input should be a valid integer"),
        ("state=failed&cursor=%00", "no cursor '\\x00'"),
        ("state=failed&cursor=7", "no cursor '7'"),
        ("state=failed&cursor=" + "9" * 400, "cursor: String should have at most 300 characters"),
    ],
)
def test_a_bad_query_is_refused_by_its_parameter(operator: Caller, query: str, says: str) -> None:
    """And what would do."""
    reply = operator.get(f"{JOBS}?{query}")

    assert (reply.status_code, reply.get_json()["error"][: len(says)]) == (400, says)


# --- nonsense


@pytest.mark.parametrize("job_id", ["%00", "a%00b", "%ff", "a" * 256, "a" * 255, "%0a", "..", "7:lock", "{}", "*", "é"])
@pytest.mark.parametrize("path", ["jobs/{}", "jobs/{}/logs"])
def test_no_id_is_a_500(operator: Caller, job_id: str, path: str) -> None:
    """What cannot be a job is not found."""
    reply = operator.get(f"{QUEUES}/user-updates/{path.format(job_id)}")

    assert (reply.status_code, reply.get_json()["success"]) == (404, False)


@pytest.mark.parametrize("name", ["%00", "%ff", "a" * 300, "::", ":", "*", "user-updates:meta", "{user-updates}"])
def test_no_queue_name_is_a_500(operator: Caller, name: str) -> None:
    """What is no queue is not found; whatever is asked of it."""
    replies = [
        operator.get(f"{QUEUES}/{name}/metrics"),
        operator.post(f"{QUEUES}/{name}/drain"),
        operator.delete(f"{QUEUES}/{name}/jobs/1"),
    ]

    assert [reply.status_code for reply in replies] == [404] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=JSON, field=st.sampled_from(["jobName", "data", "options", "priority", "delay", "gracePeriod", "reason"])
)
def test_no_document_is_a_500(labels: None, operator: Caller, document: object, field: str) -> None:
    """On any route with a body."""
    good = {"jobName": "x", "data": {"publisherId": "p", "granularity": "day"}}
    free = {"publisherId": "p", "granularity": "day", "filters": {"any": document}}
    bodies = [document, {field: document}, {**good, "options": {field: document}}, {**good, "data": free}]

    for raw in map(json.dumps, bodies):
        for path in ("jobs", "clean", "drain", "pause", "resume", "jobs/7/retry"):
            reply = operator.post(f"{QUEUES}/analytics-aggregation/{path}", data=raw)
            assert reply.status_code < 500, (path, raw, reply.text)
