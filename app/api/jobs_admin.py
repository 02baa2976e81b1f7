"""/app/jobs/admin: scheduled jobs and the whole system in an administrator's hands (document 000)."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint
from pydantic import model_validator
from typing_extensions import TypedDict

from app import db
from app.api.input import read_body, read_optional_body
from app.api.reasons import Act
from app.api.replies import Answer, ok
from app.api.system_stats import JobState, ShownStop, SystemStats, job_statuses, stop_as_dict, system_stats
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.crontab import emergency
from app.crontab.adding import trigger
from app.models.user import Role

bp = Blueprint("jobs_admin", __name__, url_prefix="/app/jobs/admin")


class Control(Act):
    """Whether an entry's schedule is followed."""

    action: Literal["start", "stop"]


class Stop(Act):
    """How much of an emergency it is."""

    cancel_running: bool = False

    @model_validator(mode="after")
    def _says_why(self) -> Stop:
        if self.cancel_running and self.reason is None:
            raise ValueError("cancelRunning ends jobs for good: give a reason")
        return self


class JobStates(TypedDict):
    """Every scheduled job, and the emergency stop if one lasts."""

    emergencyStop: ShownStop | None
    jobs: list[JobState]


class TriggeredRun(TypedDict):
    """The session that says what becomes of it."""

    sessionId: int


class Controlled(TypedDict):
    """The entry, as it is now."""

    jobName: str
    enabled: bool


class Stopped(TypedDict):
    """The stop that stands now, and the jobs that were ended, by queue."""

    emergencyStop: ShownStop | None
    cancelled: dict[str, list[str]]


class Restarted(TypedDict):
    """The stop that was undone; null if there was none."""

    undone: ShownStop | None


@bp.get("/system-stats")
@requires(Role.ADMIN)
def stats() -> Answer[SystemStats]:
    """Health and performance, how fresh users' data is, and how users are spread over the slots."""
    with db.reading() as session:
        return ok(system_stats(session, utc_now()))


@bp.get("/job-status")
@requires(Role.ADMIN)
def job_status() -> Answer[JobStates]:
    """Every scheduled job, and the emergency stop if one lasts."""
    with db.reading() as session:
        stop = stop_as_dict(emergency.standing(session))
        return ok({"emergencyStop": stop, "jobs": job_statuses(session, utc_now())})


@bp.post("/trigger/<entry:job_name>")
@requires(Role.ADMIN)
def run_now(job_name: str) -> Answer[TriggeredRun]:
    """Run one now, whatever its schedule; 409 while it runs."""
    why = read_optional_body(Act).reason
    with db.session() as session:
        emergency.refuse_while_stopped(session)
        session_id = trigger(session, job_name, by=current_user().id, at=utc_now(), why=why)
    return ok({"sessionId": session_id}, message="Job triggered successfully")


@bp.put("/control/<entry:job_name>")
@requires(Role.ADMIN)
def control(job_name: str) -> Answer[Controlled]:
    """Follow its schedule, or not; what runs goes on."""
    asked = read_body(Control)
    enabled = asked.action == "start"
    with db.session() as session:
        entry = emergency.change_entry(
            session, job_name, {"enabled": enabled}, by=current_user().id, at=utc_now(), why=asked.reason
        )
    done = "started" if enabled else "stopped"
    return ok({"jobName": entry.id, "enabled": entry.enabled}, message=f"Job {done} successfully")


@bp.post("/emergency-stop")
@requires(Role.ADMIN)
def stop_all() -> Answer[Stopped]:
    """Pause every queue and switch every entry off; on request also end what runs. It can be repeated."""
    asked = read_optional_body(Stop)
    by, at = current_user().id, utc_now()
    stop = emergency.stop_everything(by=by, at=at, why=asked.reason)
    cancelled = (
        emergency.cancel_running(by=by, at=at, why=asked.reason) if asked.cancel_running and asked.reason else {}
    )
    return ok({"emergencyStop": stop_as_dict(stop), "cancelled": cancelled}, message="All jobs stopped")


@bp.post("/restart-jobs")
@requires(Role.ADMIN)
def restart_all() -> Answer[Restarted]:
    """Undo the emergency stop; what was paused or stopped by hand stays so."""
    why = read_optional_body(Act).reason
    undone = emergency.restart(by=current_user().id, at=utc_now(), why=why)
    return ok({"undone": stop_as_dict(undone)}, message="All jobs restarted" if undone else "Nothing was stopped")
