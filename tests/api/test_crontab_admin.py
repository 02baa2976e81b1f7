"""/admin/jobs: entries, runs by hand, sessions and the audit trail, in the shapes of document 004."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import db
from app.broker.queue import Queue
from app.crontab import entries
from app.crontab.sessions import create_session, end_session
from app.models.user import Role
from tests.api.conftest import Called, Caller
from tests.crontab import conftest as crontab
from tests.crontab.conftest import NINE, Working, WriteJob, sync
from tests.servers import wait_for

queue = crontab.queue
cron_jobs = crontab.cron_jobs
write_job = crontab.write_job
working = crontab.working


@pytest.fixture
def client(api: Flask, machine: None, write_job: WriteJob, queue: Queue) -> Iterator[FlaskClient]:
    """A caller without a token; the crontab has one entry, as document 004 configures it."""
    write_job(
        "syncWebUrls", title="Sync Web URLs Job", schedule="0 0 9 * * *", timeout_s=300, attempts=4, catch_up="skip"
    )
    sync(NINE)
    with api.test_client() as client:
        yield client


@pytest.fixture
def admin(as_: Called) -> Caller:
    """An administrator."""
    return as_(Role.ADMIN)


def fault(reply: TestResponse) -> tuple[int, Any]:
    """The status and the whole body."""
    return reply.status_code, reply.get_json()


def ran(entry_id: str, times: int) -> None:
    """That many ended sessions, a minute apart."""
    with db.session() as session:
        for number in range(times):
            at = NINE + timedelta(minutes=number)
            session_id = create_session(session, entry_id, at, at, job_id=f"{entry_id}-{number}")
            assert session_id is not None
            end_session(session, session_id, at + timedelta(seconds=2), error="no network" if number == 0 else None)


# --- entries


def test_an_entry_is_shown_in_the_documents_names(admin: Caller) -> None:
    """S4-13: milliseconds, and retries without the first run; raw, as document 004 answers (C21)."""
    reply = admin.get("/admin/jobs/syncWebUrls")

    shown = reply.get_json()
    assert reply.status_code == 200
    assert {name: shown[name] for name in ("enabled", "schedule", "timeout", "retryCount", "alertOnFailure")} == {
        "enabled": True,
        "schedule": "0 0 9 * * *",
        "timeout": 300_000,
        "retryCount": 3,
        "alertOnFailure": True,
    }
    assert (shown["jobName"], shown["title"], shown["catchUp"]) == ("syncWebUrls", "Sync Web URLs Job", "skip")
    assert admin.get("/admin/jobs").get_json() == {"jobs": [shown]}


@pytest.mark.parametrize("name", ["syncWebUrls", "SYNCWEBURLS", "Sync Web URLs Job", "sync%20web%20urls%20job"])
def test_an_entry_goes_by_its_id_or_its_title(admin: Caller, name: str) -> None:
    """CONTRACTS C37: in any case."""
    assert admin.get(f"/admin/jobs/{name}").get_json()["jobName"] == "syncWebUrls"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/admin/jobs/nothing"),
        ("get", "/admin/jobs/%00"),
        ("get", "/admin/jobs/" + "x" * 200),
        ("get", "/admin/jobs/nothing/sessions"),
        ("post", "/admin/jobs/nothing/trigger"),
        ("post", "/admin/jobs/nothing/restore"),
        ("delete", "/admin/jobs/nothing?reason=tidy"),
        ("get", "/admin/jobs/sessions/7"),
        ("get", "/admin/jobs/sessions/99999999999999999999"),
    ],
)
def test_what_is_unknown_is_not_found(admin: Caller, method: str, path: str) -> None:
    """404 in document 004's shape (C43)."""
    reply = getattr(admin, method)(path)

    assert reply.status_code == 404
    assert list(reply.get_json()) == ["error"]


def test_an_unknown_job_is_answered_as_the_document_says(admin: Caller) -> None:
    """S4-12, to the letter."""
    assert fault(admin.post("/admin/jobs/nothing/trigger")) == (404, {"error": "Job not found"})


def test_a_patch_changes_what_it_names_and_says_who_and_why(admin: Caller) -> None:
    """The rest stays; the trail has old and new values."""
    change = {"schedule": "*/30 * * * * *", "timeout": 60_000, "retryCount": 0, "memoryLimitMb": None, "reason": "slow"}

    changed = admin.patch("/admin/jobs/syncweburls", json=change).get_json()

    assert (changed["schedule"], changed["timeout"], changed["retryCount"]) == ("*/30 * * * * *", 60_000, 0)
    assert (changed["memoryLimitMb"], changed["alertOnFailure"], changed["version"]) == (None, True, 2)
    act = admin.get("/admin/jobs/audit").get_json()["audit"][0]
    assert (act["actor"], act["action"], act["target"]) == (admin.id, "entry.changed", "entry syncWebUrls")
    assert (act["reason"], act["details"]["timeout_s"]) == ("slow", [300, 60])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"schedule": ""}, "schedule"),
        ({"schedule": None}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timeout": 999}, "timeout"),
        ({"timeout": 1_500}, "timeout"),
        ({"timeout": "1000"}, "timeout"),
        ({"retryCount": -1}, "retryCount"),
        ({"retryCount": 100}, "retryCount"),
        ({"enabled": "yes"}, "enabled"),
        ({"alertOnFailure": 1}, "alertOnFailure"),
        ({"catchUp": "some"}, "catchUp"),
        ({"memoryLimitMb": 0}, "memoryLimitMb"),
        ({"memoryLimitMb": 2**40}, "memoryLimitMb"),
        ({"title": ""}, "title"),
        ({"data": [1]}, "data"),
        ({"data": {"a": "\0"}}, "data"),
        ({"environments": ["moon"]}, "environments"),
        ({"reason": ""}, "reason"),
        ({"timeout_s": 5}, "timeout_s"),
        ([], "body"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(admin: Caller, change: Any, field: str) -> None:
    """400 in the caller's names, and nothing has changed."""
    status, body = fault(admin.patch("/admin/jobs/syncWebUrls", json=change))

    assert (status, list(body)) == (400, ["error"])
    assert body["error"].startswith((f"{field}:", f"{field}."))
    assert admin.get("/admin/jobs/syncWebUrls").get_json()["version"] == 1


def test_an_entry_is_made_restored_and_removed(admin: Caller) -> None:
    """One's own can be removed, and only with a reason; what the code brings cannot."""
    new = {"jobName": "syncEurope", "job": "syncWebUrls", "title": "Europe", "schedule": "0 7 * * *", "timeout": 9_000}

    made = admin.post("/admin/jobs", json=new)
    again = admin.post("/admin/jobs", json=new)
    unreasoned = admin.delete("/admin/jobs/syncEurope")
    removed = admin.delete("/admin/jobs/syncEurope?reason=moved")

    assert (made.status_code, made.get_json()["timeout"], made.get_json()["source"]) == (201, 9_000, "api")
    assert again.status_code == 409
    assert (unreasoned.status_code, unreasoned.get_json()["error"]) == (400, "reason: Field required")
    assert fault(removed) == (200, {"message": "Job removed successfully"})
    assert admin.get("/admin/jobs/syncEurope").status_code == 404
    assert admin.delete("/admin/jobs/syncWebUrls?reason=old").status_code == 409


def test_an_entry_is_given_back_to_the_code(admin: Caller) -> None:
    """Every field."""
    admin.patch("/admin/jobs/syncWebUrls", json={"schedule": "0 7 * * *"})

    restored = admin.post("/admin/jobs/syncWebUrls/restore", json={"reason": "done"})

    assert restored.get_json()["schedule"] == "0 0 9 * * *"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"jobName": "a:b"}, "jobName"),
        ({"jobName": "sessions"}, "jobName"),
        ({"job": "nothing"}, "job"),
        ({"schedule": "* *"}, "schedule"),
        ({"title": None}, "title"),
    ],
)
def test_a_bad_new_entry_is_refused_by_its_field(admin: Caller, wrong: dict[str, Any], field: str) -> None:
    """A word of this API's own paths is no id either."""
    new = {"jobName": "syncEurope", "job": "syncWebUrls", "title": "Europe", "schedule": "0 7 * * *", **wrong}

    status, body = fault(admin.post("/admin/jobs", json=new))

    assert (status, body["error"].partition(":")[0]) == (400, field)


# --- runs


def test_a_run_by_hand_is_recorded_from_its_trigger_to_its_end(admin: Caller, working: Working) -> None:
    """S4-12: the session is named "<jobName> (manual)", and ends when the job does."""
    reply = admin.post("/admin/jobs/Sync Web URLs Job/trigger")
    triggered = reply.get_json()
    at = f"/admin/jobs/sessions/{triggered['sessionId']}"
    before = admin.get(at).get_json()

    with working():
        wait_for(lambda: admin.get(at).get_json()["status"] == "COMPLETED", "the run to end")

    assert (reply.status_code, triggered["message"]) == (200, "Job triggered successfully")
    assert set(triggered) == {"message", "sessionId"}
    assert (before["jobName"], before["status"], before["manual"]) == ("syncWebUrls (manual)", "RUNNING", True)
    assert admin.get(at).get_json()["duration"] >= 0


def test_a_job_that_runs_is_not_triggered_again(admin: Caller) -> None:
    """S4-16: 409, and one job."""
    first = admin.post("/admin/jobs/syncWebUrls/trigger").get_json()

    second = admin.post("/admin/jobs/syncWebUrls/trigger")

    assert second.status_code == 409
    assert "has been running since" in second.get_json()["error"]
    assert [one["id"] for one in admin.get("/admin/jobs/running").get_json()["sessions"]] == [first["sessionId"]]


def test_a_stopped_job_can_be_run_by_hand(admin: Caller, working: Working) -> None:
    """Its schedule is off, not the job."""
    admin.patch("/admin/jobs/syncWebUrls", json={"enabled": False})

    session_id = admin.post("/admin/jobs/syncWebUrls/trigger").get_json()["sessionId"]

    at = f"/admin/jobs/sessions/{session_id}"
    with working():
        wait_for(lambda: admin.get(at).get_json()["status"] == "COMPLETED", "the run to end")


def test_sessions_come_newest_first_and_so_many(admin: Caller) -> None:
    """S4-6: 100 of all, 50 of one; fewer on request."""
    with db.session() as session:
        entries.create(
            session,
            entries.NewEntry(id="other", title="Other", job="syncWebUrls", schedule="0 7 * * *"),
            by="7",
            at=NINE,
        )
    ran("syncWebUrls", 60)
    ran("other", 45)

    newest = admin.get("/admin/jobs/sessions").get_json()["sessions"]
    of_one = admin.get("/admin/jobs/syncWebUrls/sessions").get_json()["sessions"]
    few = admin.get("/admin/jobs/other/sessions?limit=2").get_json()["sessions"]

    assert (len(newest), len(of_one), len(few)) == (100, 50, 2)
    assert [one["startTime"] for one in newest] == sorted((one["startTime"] for one in newest), reverse=True)
    assert (of_one[0]["jobName"], of_one[0]["status"], of_one[0]["duration"]) == ("syncWebUrls", "COMPLETED", 2_000)
    assert admin.get("/admin/jobs/sessions?limit=0").status_code == 400


# --- the trail


def test_the_trail_is_read_page_by_page(admin: Caller) -> None:
    """By keyset: what is added meanwhile moves nothing."""
    for timeout in range(2, 7):
        admin.patch("/admin/jobs/syncWebUrls", json={"timeout": timeout * 1_000})

    first = admin.get("/admin/jobs/audit?limit=3").get_json()
    admin.patch("/admin/jobs/syncWebUrls", json={"enabled": False})
    second = admin.get(f"/admin/jobs/audit?limit=3&before={first['next']}").get_json()

    ids = [act["id"] for act in first["audit"] + second["audit"]]
    assert (len(first["audit"]), len(second["audit"]), second["next"]) == (3, 2, None)
    assert ids == sorted(set(ids), reverse=True)


def test_the_trail_of_one_entry_is_its_own(admin: Caller) -> None:
    """By its target."""
    admin.patch("/admin/jobs/syncWebUrls", json={"enabled": False})

    its, others = (
        admin.get(f"/admin/jobs/audit?target=entry {name}").get_json()["audit"] for name in ("syncWebUrls", "other")
    )

    assert ([act["action"] for act in its], others) == (["entry.changed"], [])


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "before=0", "before=99999999999999999999", "target=%00"])
def test_a_bad_page_is_refused_by_its_field(admin: Caller, query: str) -> None:
    """400."""
    status, body = fault(admin.get(f"/admin/jobs/audit?{query}"))

    assert (status, body["error"].partition(":")[0]) == (400, query.partition("=")[0])


# --- who may


@pytest.mark.parametrize("role", [Role.USER, Role.VIEWER, Role.OPERATOR])
def test_only_administrators_come_in(as_: Called, role: Role) -> None:
    """CONTRACTS C42, in document 004's shape."""
    caller = as_(role)

    replies = [
        caller.get("/admin/jobs"),
        caller.post("/admin/jobs/syncWebUrls/trigger"),
        caller.patch("/admin/jobs/syncWebUrls", json={"enabled": False}),
    ]

    assert [fault(reply) for reply in replies] == [
        (403, {"error": f"this needs the role 'admin'; yours is '{role}'"})
    ] * 3


def test_without_a_token_the_shape_is_the_documents_too(client: FlaskClient) -> None:
    """C43, also for a path that does not exist."""
    assert list(client.get("/admin/jobs").get_json()) == ["error"]
    assert list(client.get("/admin/jobs/a/b/c").get_json()) == ["error"]
    assert "success" in client.get("/admin/jobsabc").get_json()
