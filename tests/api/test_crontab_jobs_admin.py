"""/app/jobs/admin: the whole system in view and in hand, in the shapes of document 000."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event
from sqlalchemy.orm import Session

from app import db
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import emergency, entries
from app.domains.accounts.users import verify
from app.jobs.catalog import queues
from app.jobs.engine import broker, find_queue
from app.jobs.user_updates import enqueue_user
from app.ledger.settings import settings_by_queue
from app.models.schedule import UserUpdateSchedule
from app.models.user import Role
from app.settings import settings
from producer.reconcile import Reconciler
from tests.api.conftest import Called, Caller
from tests.crontab import conftest as crontab
from tests.crontab.conftest import NINE, Working, WriteJob, sync
from tests.servers import free_port, wait_for

queue = crontab.queue
cron_jobs = crontab.cron_jobs
write_job = crontab.write_job
working = crontab.working

ADMIN = "/app/jobs/admin"


@pytest.fixture
def client(api: Flask, machine: None, write_job: WriteJob, queue: Queue) -> Iterator[FlaskClient]:
    """A caller without a token; the crontab has three entries, of which one is off."""
    write_job("dailyUpdates", schedule="0 * * * *")
    write_job("healthCheck", schedule="*/30 * * * *")
    write_job("cacheCleanup", schedule="30 */6 * * *", enabled=False)
    sync()
    with api.test_client() as client:
        yield client


@pytest.fixture
def admin(as_: Called) -> Caller:
    """An administrator."""
    return as_(Role.ADMIN)


def states(admin: Caller) -> dict[str, str]:
    """What each entry is doing."""
    jobs = admin.get(f"{ADMIN}/job-status").get_json()["data"]["jobs"]
    return {job["jobName"]: job["status"] for job in jobs}


def paused() -> dict[str, bool]:
    """Each queue, as Redis has it."""
    return {name: find_queue(name).is_paused() for name in queues()}


ALL_PAUSED = dict.fromkeys(queues(), True)
NONE_PAUSED = dict.fromkeys(queues(), False)


# --- in view


def test_the_stats_say_how_users_are_spread_and_how_fresh_their_data_is(as_: Called, admin: Caller) -> None:
    """S0-11: Update Stats and Schedule Stats."""
    callers = [as_() for _ in range(3)]
    now = utc_now()
    with db.session() as session:
        for caller in callers:
            verify(session, caller.id)
        for caller, hours in zip(callers, (1, 26), strict=False):
            session.get_one(UserUpdateSchedule, caller.id).last_daily_update = now - timedelta(hours=hours)

    data = admin.get(f"{ADMIN}/system-stats").get_json()["data"]

    hours, days = data["scheduleStats"]["usersPerHour"], data["scheduleStats"]["usersPerDay"]
    assert (list(hours), list(days)) == ([str(hour) for hour in range(24)], [str(day) for day in range(7)])
    assert (sum(hours.values()), max(hours.values()), sum(days.values())) == (3, 1, 3)
    daily = data["updateStats"]["daily"]
    assert [daily[name] for name in ("users", "fresh", "late", "never")] == [3, 1, 1, 1]
    assert data["updateStats"]["weekly"]["never"] == 3


def test_the_stats_say_what_is_up_and_what_queues_hold(admin: Caller) -> None:
    """S0-11: health and performance."""
    enqueue_user("7")

    data = admin.get(f"{ADMIN}/system-stats").get_json()["data"]

    assert data["health"]["status"] == "healthy"
    assert set(data["performance"]["queues"]) == set(queues())
    assert data["performance"]["queues"]["user-updates"]["waiting"] == 1
    assert data["performance"]["endedIn24h"] == {"completed": 0, "partial": 0, "failed": 0, "cancelled": 0}
    assert data["performance"]["recentJobs"] == {"count": 0, "meanMs": None, "p95Ms": None}


def test_the_stats_are_there_while_redis_is_away(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is when somebody looks."""
    monkeypatch.setenv("QUEUE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    settings.cache_clear()

    reply = admin.get(f"{ADMIN}/system-stats")

    data = reply.get_json()["data"]
    assert (reply.status_code, data["health"]["services"]["queues"]) == (200, "down")
    assert data["performance"]["queues"] is None


def test_every_job_shows_its_state_and_its_last_and_next_run(admin: Caller, working: Working) -> None:
    """S0-12."""
    session_id = admin.post(f"{ADMIN}/trigger/dailyUpdates").get_json()["data"]["sessionId"]
    while_it_runs = states(admin)
    with working():
        wait_for(lambda: states(admin)["dailyUpdates"] == "scheduled", "the run to end")

    data = admin.get(f"{ADMIN}/job-status").get_json()["data"]

    daily = next(job for job in data["jobs"] if job["jobName"] == "dailyUpdates")
    assert while_it_runs == {"cacheCleanup": "stopped", "dailyUpdates": "running", "healthCheck": "scheduled"}
    assert (daily["lastSession"]["id"], daily["lastSession"]["status"]) == (session_id, "COMPLETED")
    assert admin.get(f"{ADMIN}/system-stats").get_json()["data"]["performance"]["endedIn24h"]["completed"] == 1
    assert daily["nextRun"].endswith(":00:00+00:00")
    assert (daily["scheduleInWords"], daily["overdue"]) == ("At the start of every hour", None)
    assert data["emergencyStop"] is None


def test_an_overdue_job_is_shown_as_such(admin: Caller) -> None:
    """Nothing has ticked for long."""
    with db.session() as session:
        entries.change(session, "healthCheck", {"schedule": "* * * * *"}, by="7", at=NINE)

    jobs = admin.get(f"{ADMIN}/job-status").get_json()["data"]["jobs"]

    late = {job["jobName"]: job["overdue"] and job["overdue"]["why"] for job in jobs}
    assert late == {"cacheCleanup": None, "dailyUpdates": None, "healthCheck": "not added"}


# --- one job in hand


def test_a_trigger_answers_in_document_000s_envelope(admin: Caller) -> None:
    """S0-13, by any name of it (C37)."""
    reply = admin.post(f"{ADMIN}/trigger/DAILYUPDATES", json={"reason": "a new seller"})

    assert (reply.status_code, reply.get_json()["message"]) == (200, "Job triggered successfully")
    act = admin.get("/admin/jobs/audit").get_json()["audit"][0]
    assert (act["action"], act["actor"], act["reason"]) == ("entry.triggered", admin.id, "a new seller")


def test_a_job_is_stopped_and_started(admin: Caller) -> None:
    """S0-14: its schedule, and with who and why."""
    stopped = admin.put(f"{ADMIN}/control/dailyUpdates", json={"action": "stop", "reason": "too early"})
    then = states(admin)["dailyUpdates"]
    started = admin.put(f"{ADMIN}/control/dailyUpdates", json={"action": "start"})

    assert (stopped.get_json()["data"]["enabled"], then) == (False, "stopped")
    assert (started.get_json()["data"]["enabled"], states(admin)["dailyUpdates"]) == (True, "scheduled")
    acts = admin.get("/admin/jobs/audit").get_json()["audit"]
    assert [(act["details"], act["reason"]) for act in acts] == [
        ({"enabled": [False, True]}, None),
        ({"enabled": [True, False]}, "too early"),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [({"action": "halt"}, "action"), ({}, "action"), ({"action": "stop", "now": True}, "now"), ([], "body")],
)
def test_a_bad_control_is_refused_by_its_field(admin: Caller, body: Any, field: str) -> None:
    """400 in document 000's shape."""
    reply = admin.put(f"{ADMIN}/control/dailyUpdates", json=body)

    assert reply.status_code == 400
    assert reply.get_json()["success"] is False
    assert reply.get_json()["error"].startswith(f"{field}:")


def test_what_is_unknown_is_not_found(admin: Caller) -> None:
    """404 in document 000's shape, with the name."""
    replies = [
        admin.post(f"{ADMIN}/trigger/nothing"),
        admin.put(f"{ADMIN}/control/nothing", json={"action": "stop"}),
    ]

    assert [(reply.status_code, reply.get_json()) for reply in replies] == [
        (404, {"success": False, "error": "no entry 'nothing' in the crontab"})
    ] * 2


# --- everything in hand


def test_an_emergency_stops_everything_and_a_restart_starts_it(admin: Caller) -> None:
    """S0-15, S0-16, C27: all queues, all entries; who and why in the trail."""
    stopped = admin.post(f"{ADMIN}/emergency-stop", json={"reason": "Amazon is down"})
    then = paused(), set(states(admin).values())
    restarted = admin.post(f"{ADMIN}/restart-jobs")

    assert (stopped.status_code, restarted.status_code) == (200, 200)
    assert stopped.get_json()["data"]["emergencyStop"]["jobs"] == ["dailyUpdates", "healthCheck"]
    assert then == (ALL_PAUSED, {"stopped"})
    assert (paused(), states(admin)) == (
        NONE_PAUSED,
        {"cacheCleanup": "stopped", "dailyUpdates": "scheduled", "healthCheck": "scheduled"},
    )
    acts = admin.get("/admin/jobs/audit?target=all jobs").get_json()["audit"]
    assert [(act["action"], act["reason"]) for act in acts] == [
        ("jobs.restarted", None),
        ("jobs.stopped", "Amazon is down"),
    ]


def test_what_was_stopped_by_hand_before_stays_so(admin: Caller) -> None:
    """A restart undoes exactly the emergency stop."""
    find_queue("user-updates").pause()
    admin.put(f"{ADMIN}/control/dailyUpdates", json={"action": "stop"})

    admin.post(f"{ADMIN}/emergency-stop")
    admin.post(f"{ADMIN}/restart-jobs")

    assert paused() == {**NONE_PAUSED, "user-updates": True}
    assert states(admin) == {"cacheCleanup": "stopped", "dailyUpdates": "stopped", "healthCheck": "scheduled"}


def test_what_is_stopped_by_hand_meanwhile_stays_so(admin: Caller) -> None:
    """It is off already, and it is still an operator's word."""
    admin.post(f"{ADMIN}/emergency-stop")

    admin.put(f"{ADMIN}/control/healthCheck", json={"action": "stop", "reason": "not this one"})
    admin.post(f"{ADMIN}/restart-jobs")

    assert states(admin) == {"cacheCleanup": "stopped", "dailyUpdates": "scheduled", "healthCheck": "stopped"}


def test_the_code_has_the_say_again_after_a_restart(admin: Caller) -> None:
    """A stop leaves no field of an entry in operators' hands that was the code's before."""
    admin.post(f"{ADMIN}/emergency-stop")
    admin.post(f"{ADMIN}/restart-jobs")

    with db.reading() as session:
        assert {entry.id: entry.overridden for entry in entries.all_entries(session)} == {
            "cacheCleanup": [],
            "dailyUpdates": [],
            "healthCheck": [],
        }


def test_a_second_stop_adds_what_has_come_since(admin: Caller, write_job: WriteJob) -> None:
    """Such as the entries of a deploy; and it forgets nothing of the first."""
    first = admin.post(f"{ADMIN}/emergency-stop").get_json()["data"]["emergencyStop"]
    write_job("weeklyUpdates", schedule="0 0 * * *")
    sync()

    second = admin.post(f"{ADMIN}/emergency-stop").get_json()["data"]["emergencyStop"]

    assert second["jobs"] == [*first["jobs"], "weeklyUpdates"]
    assert (second["queues"], second["since"]) == (queues(), first["since"])
    admin.post(f"{ADMIN}/restart-jobs")
    assert paused() == NONE_PAUSED


def test_nothing_is_started_while_everything_is_stopped(admin: Caller) -> None:
    """409: it would run, to somebody's surprise, at the restart."""
    admin.post(f"{ADMIN}/emergency-stop")
    new = {"jobName": "mine", "job": "healthCheck", "title": "Mine", "schedule": "0 7 * * *"}

    replies = [
        admin.post(f"{ADMIN}/trigger/dailyUpdates"),
        admin.put(f"{ADMIN}/control/dailyUpdates", json={"action": "start"}),
        admin.post("/admin/jobs/dailyUpdates/trigger"),
        admin.post("/admin/jobs/dailyUpdates/restore"),
        admin.patch("/admin/jobs/dailyUpdates", json={"enabled": True}),
        admin.post("/admin/jobs", json=new),
    ]

    assert [reply.status_code for reply in replies] == [409] * 6
    assert "restart the jobs first" in replies[0].get_json()["error"]
    assert admin.patch("/admin/jobs/dailyUpdates", json={"timeout": 9_000}).status_code == 200
    assert admin.post("/admin/jobs", json={**new, "enabled": False}).status_code == 201


def test_a_stop_survives_the_loss_of_redis_and_a_restart_undoes_it_still(admin: Caller, redis: Redis) -> None:
    """R16: it stands in SQL."""
    Reconciler(broker(), lost=list)(utc_now())
    admin.post(f"{ADMIN}/emergency-stop")

    redis.flushall()
    Reconciler(broker(), lost=list)(utc_now())  # of a producer that has started anew

    assert paused() == ALL_PAUSED
    admin.post(f"{ADMIN}/restart-jobs")
    assert paused() == NONE_PAUSED


def test_a_stop_that_redis_did_not_hear_of_can_be_repeated(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, and all that SQL can do is done."""
    with monkeypatch.context() as away:
        away.setenv("QUEUE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
        settings.cache_clear()
        refused = admin.post(f"{ADMIN}/emergency-stop")
    settings.cache_clear()
    then = paused(), set(states(admin).values())
    with db.engine().connect() as connection:
        kept = settings_by_queue(connection)

    repeated = admin.post(f"{ADMIN}/emergency-stop")

    assert (refused.status_code, then) == (503, (NONE_PAUSED, {"stopped"}))
    assert {name: kept[name].get("paused") for name in queues()} == ALL_PAUSED
    assert (repeated.status_code, paused()) == (200, ALL_PAUSED)
    admin.post(f"{ADMIN}/restart-jobs")
    assert (paused(), states(admin)["dailyUpdates"]) == (NONE_PAUSED, "scheduled")


def test_what_runs_is_ended_on_request(admin: Caller, write_job: WriteJob, working: Working) -> None:
    """C27: in its worker, at once and for good; the job says why."""
    write_job("dailyUpdates", "import time\nwhile True: time.sleep(0.01)", schedule="0 * * * *", attempts=3)
    sync()
    with working():
        session_id = admin.post(f"{ADMIN}/trigger/dailyUpdates").get_json()["data"]["sessionId"]
        at = f"/admin/jobs/sessions/{session_id}"
        wait_for(lambda: admin.get(at).get_json()["worker"], "the run to begin")

        stopped = admin.post(f"{ADMIN}/emergency-stop", json={"cancelRunning": True, "reason": "it writes nonsense"})
        wait_for(lambda: admin.get(at).get_json()["status"] == "FAILED", "the run to end")

    ended = admin.get(at).get_json()
    assert stopped.get_json()["data"]["cancelled"] == {"cron-jobs": [ended["jobId"]]}
    assert (ended["error"], ended["willRetry"]) == ("cancelled", False)


def test_what_runs_may_finish_otherwise(admin: Caller, write_job: WriteJob, working: Working) -> None:
    """A stop without that wish ends nothing."""
    write_job("dailyUpdates", "import time\ntime.sleep(0.5)", schedule="0 * * * *")
    sync()
    with working():
        session_id = admin.post(f"{ADMIN}/trigger/dailyUpdates").get_json()["data"]["sessionId"]
        at = f"/admin/jobs/sessions/{session_id}"
        wait_for(lambda: admin.get(at).get_json()["worker"], "the run to begin")

        admin.post(f"{ADMIN}/emergency-stop")

        wait_for(lambda: admin.get(at).get_json()["status"] == "COMPLETED", "the run to end")


def test_ending_jobs_for_good_needs_a_reason(admin: Caller) -> None:
    """400, and nothing is stopped; the plain stop, which can be undone, asks for nothing."""
    reply = admin.post(f"{ADMIN}/emergency-stop", json={"cancelRunning": True})

    assert (reply.status_code, "reason" in reply.get_json()["error"]) == (400, True)
    assert (paused(), admin.get(f"{ADMIN}/job-status").get_json()["data"]["emergencyStop"]) == (NONE_PAUSED, None)


def test_a_restart_of_what_was_not_stopped_starts_nothing(admin: Caller) -> None:
    """What was paused by hand is none of its business."""
    find_queue("user-updates").pause()

    reply = admin.post(f"{ADMIN}/restart-jobs")

    assert (reply.status_code, reply.get_json()["message"]) == (200, "Nothing was stopped")
    assert paused() == {**NONE_PAUSED, "user-updates": True}


def test_a_restart_in_the_middle_of_a_stop_leaves_nothing_paused(admin: Caller) -> None:
    """Between the stop's commit and its word to Redis: else all would be paused, with no stop that could be undone."""
    event.listen(Session, "after_commit", lambda _: emergency.restart(by=admin.id, at=NINE), once=True)

    emergency.stop_everything(by=admin.id, at=NINE)

    with db.reading() as session, db.engine().connect() as connection:
        assert emergency.standing(session) is None
        assert not any(settings.get("paused") for settings in settings_by_queue(connection).values())
    assert (paused(), states(admin)["dailyUpdates"]) == (NONE_PAUSED, "scheduled")


def test_stops_and_restarts_at_once_end_as_one_of_them(admin: Caller) -> None:
    """Whoever comes last."""
    acts = [emergency.stop_everything, emergency.restart] * 8

    with ThreadPoolExecutor(4) as operators:
        for done in [operators.submit(act, by=admin.id, at=NINE) for act in acts]:
            done.result()

    with db.reading() as session:
        stop = emergency.standing(session)
        on = {entry.id for entry in entries.all_entries(session) if entry.enabled}
    assert paused() == (ALL_PAUSED if stop else NONE_PAUSED)
    assert on == (set() if stop else {"dailyUpdates", "healthCheck"})


@pytest.mark.parametrize("role", [Role.USER, Role.VIEWER, Role.OPERATOR])
def test_only_administrators_come_in(as_: Called, role: Role) -> None:
    """CONTRACTS C42."""
    caller = as_(role)

    replies = [
        caller.get(f"{ADMIN}/system-stats"),
        caller.get(f"{ADMIN}/job-status"),
        caller.post(f"{ADMIN}/trigger/dailyUpdates"),
        caller.put(f"{ADMIN}/control/dailyUpdates", json={"action": "stop"}),
        caller.post(f"{ADMIN}/emergency-stop"),
        caller.post(f"{ADMIN}/restart-jobs"),
    ]

    assert [reply.status_code for reply in replies] == [403] * 6
    assert paused() == NONE_PAUSED
