"""What an operator does to a whole queue. What stops or destroys asks for the queue's name and a reason first."""

from __future__ import annotations

import json
from typing import Any

from flask import abort, render_template, request, url_for
from markupsafe import Markup
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from app import db
from app.auth.acts import act
from app.auth.guard import current_user
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import pausing
from app.dashboard.confirmation import Confirmation
from app.dashboard.forms import Form, faults, read_form, read_query
from app.dashboard.paging import here
from app.dashboard.site import bp, page, said
from app.jobs import by_hand, retrying, templates
from app.jobs.by_hand import UnknownJobName
from app.jobs.catalog import CRON_JOBS
from app.jobs.engine import find_queue
from app.ledger.failures import Count
from app.models.job_template import TEMPLATE_NAME_LENGTH, JobTemplate
from app.models.user import Role

HOUR_MS = 3_600_000
AGES = {0: "all that ended", 1: "1 h", 24: "24 h", 168: "7 d"}
BOTH = ["GET", "POST"]


class Cleaned(Form):
    """How long ago a job must have ended."""

    hours: int = Field(24, ge=0, le=10 * 366 * 24)


class Drained(Form):
    """Whether jobs that wait for their time go, too."""

    delayed: bool = False


class Reason(Form):
    """Why, if somebody says so."""

    reason: str | None = Field(None, max_length=500)


class NewJob(Form):
    """A job as it is written into the form; ``data`` is JSON, ``delay_s`` seconds."""

    name: str = Field(min_length=1, max_length=128)
    data: str = Field("{}", max_length=60_000)
    priority: int = Field(0, ge=0, le=2**21)
    delay_s: int = Field(0, ge=0, le=366 * 24 * 3_600)
    reason: str | None = Field(None, max_length=500)
    template: str = Field("", max_length=TEMPLATE_NAME_LENGTH, pattern=r"^[A-Za-z0-9_-]*$")


@bp.route("/queues/<queue:queue_name>/pause", methods=BOTH)
@page(Role.OPERATOR)
def pause_queue(queue_name: str) -> Answer:
    """Nothing of it is claimed any more."""
    queue = find_queue(queue_name)
    means = "No worker takes another of its jobs until it is resumed; what runs may finish."
    asked = Confirmation("Pause the queue", queue.name, means, back=_of(queue))
    if asked.reason is None:
        return asked.page()
    pausing.pause_queue(queue, by=current_user().id, at=utc_now(), why=asked.reason)
    return said(_of(queue), f"The queue {queue.name} is paused.")


@bp.post("/queues/<queue:queue_name>/resume")
@page(Role.OPERATOR)
def resume_queue(queue_name: str) -> Answer:
    """Its jobs are claimed again; not while an emergency stop lasts."""
    queue = find_queue(queue_name)
    pausing.resume_queue(queue, by=current_user().id, at=utc_now())
    return said(_of(queue), f"The queue {queue.name} goes on.")


@bp.route("/queues/<queue:queue_name>/clean", methods=BOTH)
@page(Role.OPERATOR)
def clean_queue(queue_name: str) -> Answer:
    """Ended jobs of before go; the ledger keeps their rows."""
    hours = read_query(Cleaned).hours
    queue = find_queue(queue_name)
    until_ms = queue.now_ms() - hours * HOUR_MS
    old = sum(int(queue.redis.zcount(queue.keys[state], "-inf", until_ms)) for state in ("completed", "failed"))
    means = f"{old:,} completed and failed jobs that ended over {hours} h ago go, and cannot be retried then."
    link = Markup('<a href="{}">{}</a>')
    others = (link.format(here(hours=age), words) for age, words in AGES.items() if age != hours)
    details = Markup("The ledger keeps what happened. Another age: {}").format(Markup(" · ").join(others))
    asked = Confirmation(f"Remove {old:,} ended jobs", queue.name, means, back=_of(queue), details=details)
    if asked.reason is None:
        return asked.page()
    seconds = hours * 3_600
    with act("queue.cleaned", f"queue {queue.name}", why=asked.reason, details={"gracePeriod": seconds}):
        gone = [queue.clean(hours * HOUR_MS, state=state) for state in ("completed", "failed")]
    return said(_of(queue), f"{sum(map(len, gone)):,} ended jobs are gone.")


@bp.route("/queues/<queue:queue_name>/drain", methods=BOTH)
@page(Role.OPERATOR)
def drain_queue(queue_name: str) -> Answer:
    """What waits goes, on request the delayed too."""
    delayed = read_query(Drained).delayed
    queue = find_queue(queue_name)
    counts = queue.get_job_counts()
    waiting = counts["waiting"] + counts["prioritized"]
    count = waiting + counts["delayed"] if delayed else waiting
    means = f"{count:,} jobs that wait are removed, and never run."
    details = Markup('{:,} delayed ones {}. <a href="{}">{}</a>').format(
        counts["delayed"],
        "are among them" if delayed else "stay",
        here(delayed=None if delayed else "true"),
        "Keep them" if delayed else "Remove them, too",
    )
    asked = Confirmation(f"Remove {count:,} jobs", queue.name, means, back=_of(queue), details=details)
    if asked.reason is None:
        return asked.page()
    with act("queue.drained", f"queue {queue.name}", why=asked.reason, details={"delayed": delayed}):
        queue.drain(delayed=delayed)
    return said(_of(queue), f"{count:,} jobs are removed.")


@bp.route("/queues/<queue:queue_name>/retry", methods=BOTH)
@page(Role.OPERATOR)
def retry_queue(queue_name: str) -> str | Answer:
    """How many that would be; then the job that tries them again."""
    queue = find_queue(queue_name)
    if request.method == "GET":
        count = Count(queue.get_job_counts()["failed"], capped=False)
        what = f"Every failed job of queue {queue.name}, whatever its error."
        return render_template("retry.html", what=what, count=count, users=None, back=_of(queue))
    why = read_form(Reason).reason or None
    with db.session() as session:
        job_id = retrying.ask_for_queue(session, queue, by=current_user().id, why=why)
    return said(url_for("dashboard.job", queue_name=CRON_JOBS, job_id=job_id), "The jobs are being tried again.")


@bp.route("/queues/<queue:queue_name>/add", methods=BOTH)
@page(Role.OPERATOR)
def add_job(queue_name: str) -> str | Answer | tuple[str, int]:
    """A job by hand: its name and its data are those of the catalog."""
    queue = find_queue(queue_name)
    if request.method == "GET":
        return _form(queue, {}, {})
    fields = request.form.to_dict()
    try:
        asked = NewJob.model_validate(fields)
        data = json.loads(asked.data)
        if not isinstance(data, dict):
            raise TypeError("a JSON object is wanted")
        with db.session() as session:
            _keep(session, queue, asked, data)
            job_id = by_hand.add(
                session,
                queue.name,
                asked.name,
                data,
                priority=asked.priority,
                delay_ms=asked.delay_s * 1_000,
                by=current_user().id,
                why=asked.reason or None,
            )
    except ValidationError as invalid:
        wrong = faults(invalid)
        if not wrong.keys() <= fields.keys():  # a field of the data, not of the form
            wrong = {"data": "; ".join(f"{field}: {what}" for field, what in wrong.items())}
        return _form(queue, fields, wrong), 400
    except UnknownJobName as unknown:
        return _form(queue, fields, {"name": str(unknown)}), 400
    except (ValueError, TypeError) as odd:
        return _form(queue, fields, {"data": f"not a JSON object: {odd}"}), 400
    return said(url_for("dashboard.job", queue_name=queue.name, job_id=job_id), "The job is added.")


def _keep(session: Session, queue: Queue, asked: NewJob, data: dict[str, Any]) -> None:
    """As a template, too, if it was given a name."""
    if asked.template:
        delay_ms = asked.delay_s * 1_000
        kept = JobTemplate(name=asked.template, queue=queue.name, job_name=asked.name, data=data, delay_ms=delay_ms)
        kept.priority = asked.priority
        templates.keep(session, kept, by=current_user().id, at=utc_now(), why=asked.reason or None)


def _form(queue: Queue, fields: dict[str, Any], wrong: dict[str, str]) -> str:
    names = by_hand.names(queue.name)
    if not names:
        abort(409, f"jobs of queue {queue.name} are added by parts of Toril only; run an entry of the crontab instead")
    return render_template("add_job.html", queue=queue.name, fields=fields, wrong=wrong, names=names)


def _of(queue: Queue) -> str:
    return url_for("dashboard.queue", queue_name=queue.name)
