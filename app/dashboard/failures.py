"""What failed, by its error: every error once, who was hit, and all of its jobs tried again."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request, url_for
from pydantic import Field
from werkzeug.wrappers import Response as Answer

from app import db
from app.auth.guard import current_user
from app.dashboard.forms import Form, read_form, read_query
from app.dashboard.job_shown import of_row
from app.dashboard.paging import ROWS, by_cursor
from app.dashboard.site import bp, page, said
from app.jobs import retrying
from app.jobs.catalog import CRON_JOBS
from app.jobs.personal import redacted
from app.ledger import failures as errors
from app.models.error_group import ErrorGroup
from app.models.user import Role

#: Of each error of the list; its own page counts further.
MOST_OF_EACH = 1_000
MOST_USERS = 20


class Asked(Form):
    """Which page, and of which errors."""

    cursor: str | None = Field(None, max_length=64)
    text: str = Field("", max_length=200)


class Answered(Form):
    """Why they are tried again, if somebody says so."""

    reason: str | None = Field(None, max_length=500)


@dataclass(frozen=True, slots=True)
class Line:
    """An error in the list."""

    group: ErrorGroup
    failed: errors.Count
    users: int


@bp.get("/failures")
@page(Role.VIEWER)
def failures() -> str:
    """The errors, the last seen first."""
    asked = read_query(Asked)
    with db.reading() as session:
        groups = session.scalars(errors.groups(ROWS, asked.cursor, text=asked.text or None)).all()
        lines = [
            Line(
                group,
                errors.count_failed(session, group.id, MOST_OF_EACH),
                errors.count_users(session, group.id, MOST_OF_EACH),
            )
            for group in groups
        ]
    listed = by_cursor(lines, errors.cursor_of_group(groups, ROWS))
    return render_template("failures.html", listed=listed, text=asked.text)


@bp.get("/failures/<key:group>")
@page(Role.VIEWER)
def failure(group: str) -> str:
    """One error: its newest words in full, the users hit, the jobs that are failed with it now."""
    asked = read_query(Asked)
    with db.reading() as session:
        found = errors.find_group(session, group)
        jobs = session.scalars(errors.failed_jobs(group, ROWS, asked.cursor)).all()
        users = session.execute(errors.users_hit(group, MOST_USERS)).all()
        count = errors.count_failed(session, group)
        hit = errors.count_users(session, group)
    listed = by_cursor([of_row(job) for job in jobs], errors.cursor_of_job(jobs, ROWS))
    sample = redacted(found.sample)
    return render_template("failure.html", group=found, sample=sample, listed=listed, users=users, count=count, hit=hit)


@bp.route("/failures/<key:group>/retry", methods=["GET", "POST"])
@page(Role.OPERATOR)
def retry_failures(group: str) -> str | Answer:
    """How many that would be; then the job that tries them again, whose page shows how far it is."""
    with db.reading() as session:
        found = errors.find_group(session, group)
        count = errors.count_failed(session, group)
        hit = errors.count_users(session, group)
    if request.method == "GET":
        back = url_for("dashboard.failure", group=group)
        title = found.error_class or "These failures"
        what = f"{title}: {found.message}" if found.error_class else found.message
        return render_template("retry.html", what=what, count=count, users=hit, back=back)
    why = read_form(Answered).reason or None
    with db.session() as session:
        job_id = retrying.ask_for_group(session, group, by=current_user().id, why=why)
    return said(url_for("dashboard.job", queue_name=CRON_JOBS, job_id=job_id), "The jobs are being tried again.")
