"""/api/v1/errors: what failed, grouped by error, and a group tried again."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from app import db
from app.api.input import Page, read_optional_body, read_query
from app.api.reasons import Act
from app.api.replies import Answer, ok
from app.auth.guard import current_user, requires
from app.jobs import retrying
from app.jobs.personal import redacted
from app.ledger import failures, queries
from app.models.error_group import ErrorGroup
from app.models.user import Role

bp = Blueprint("failures", __name__, url_prefix="/api/v1/errors")

#: Of each group of a page; a group's own page counts further.
MOST_OF_EACH = 1_000


class Groups(Page):
    """A page of groups; ``text`` is looked for in class, message and newest error."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=64)
    text: str | None = Field(None, min_length=1, max_length=200, pattern=r"^[^\x00]+$")


class Jobs(Page):
    """A page of a group's failed jobs."""

    cursor: str | None = Field(None, max_length=64)


class ShownGroup(TypedDict):
    """What the jobs of a group have in common, with its newest error in full."""

    id: str
    errorClass: str
    message: str
    sample: str
    firstSeenAt: datetime
    lastSeenAt: datetime
    seen: int


class Counted(TypedDict):
    """``failedOrMore``: the count was stopped there."""

    failed: int
    failedOrMore: bool


class GroupOfMany(ShownGroup, Counted):
    """One of a page."""

    usersHit: int


class GroupsPage(TypedDict):
    """``next`` is the ``cursor`` of the page behind, null on the last."""

    groups: list[GroupOfMany]
    next: str | None


class UserHit(TypedDict):
    """A user, and how many of their jobs failed so."""

    userId: str
    jobs: int


class WholeGroup(GroupOfMany):
    """With the users that it hit most, and a page of its jobs."""

    users: list[UserHit]
    jobs: list[queries.ShownJob]
    next: str | None


class RetryOfGroup(Counted):
    """The job that retries, and how many it will find."""

    jobId: str


@bp.get("")
@requires(Role.VIEWER)
def all_groups() -> Answer[GroupsPage]:
    """The groups, the last seen first."""
    asked = read_query(Groups)
    with db.reading() as session:
        page = session.scalars(failures.groups(asked.limit, asked.cursor, text=asked.text)).all()
        shown: list[GroupOfMany] = [
            {
                **as_dict(group),
                **_counted(failures.count_failed(session, group.id, MOST_OF_EACH)),
                "usersHit": failures.count_users(session, group.id, MOST_OF_EACH),
            }
            for group in page
        ]
    return ok({"groups": shown, "next": failures.cursor_of_group(page, asked.limit)})


@bp.get("/<key:group>")
@requires(Role.VIEWER)
def one_group(group: str) -> Answer[WholeGroup]:
    """One group, the users that it hit most, and its failed jobs page by page."""
    asked = read_query(Jobs)
    with db.reading() as session:
        found = failures.find_group(session, group)
        jobs = session.scalars(failures.failed_jobs(group, asked.limit, asked.cursor)).all()
        users = session.execute(failures.users_hit(group, 20)).all()
        shown: WholeGroup = {
            **as_dict(found),
            **_counted(failures.count_failed(session, group)),
            "usersHit": failures.count_users(session, group),
            "users": [{"userId": user_id, "jobs": count} for user_id, count in users],
            "jobs": [queries.as_dict(job) for job in jobs],
            "next": failures.cursor_of_job(jobs, asked.limit),
        }
    return ok(shown)


@bp.post("/<key:group>/retry")
@requires(Role.OPERATOR)
def retry(group: str) -> Answer[RetryOfGroup]:
    """Run every job again that is failed with this error now: 202 with the id of the job that does it."""
    why = read_optional_body(Act).reason
    with db.session() as session:
        job_id = retrying.ask_for_group(session, group, by=current_user().id, why=why)
        count = failures.count_failed(session, group)
    return ok({"jobId": job_id, **_counted(count)}, status=202)


def as_dict(group: ErrorGroup) -> ShownGroup:
    """What the jobs have in common, with the newest error in full; personal data are hidden (C46)."""
    return {
        "id": group.id,
        "errorClass": group.error_class,
        "message": group.message,
        "sample": redacted(group.sample),
        "firstSeenAt": group.first_seen_at,
        "lastSeenAt": group.last_seen_at,
        "seen": group.seen,
    }


def _counted(count: failures.Count) -> Counted:
    """``failedOrMore``: the count was stopped there."""
    return {"failed": count.number, "failedOrMore": count.capped}
