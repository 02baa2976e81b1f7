"""Search: whatever one has at hand, a user's id, a job's, a queue, words of an error. The URL says it all."""

from __future__ import annotations

from collections.abc import Sequence

from flask import redirect, render_template, url_for
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from app import db
from app.broker.listing import InvalidCursor
from app.broker.queue import STATES
from app.dashboard.forms import Form, read_query
from app.dashboard.job_shown import Line, of_row
from app.dashboard.paging import ROWS, Paged, paged
from app.dashboard.site import bp, page
from app.jobs import catalog
from app.jobs.engine import queue_of
from app.ledger import failures, searching
from app.ledger.searching import Query
from app.models.error_group import ErrorGroup
from app.models.job_status import JobStatus
from app.models.user import Role, User

MOST_ERRORS = 20


class Asked(Form):
    """The words, and where the next page begins."""

    q: str = Field("", max_length=300)
    before: str | None = Field(None, max_length=64)


class Found:
    """What there is for a search; each kind is empty where it was not looked for."""

    def __init__(self) -> None:
        self.users: Sequence[User] = ()
        self.queues: list[str] = []
        self.errors: Sequence[ErrorGroup] = ()
        self.jobs: Paged[Line] = Paged((), None, None)

    def __bool__(self) -> bool:
        return bool(self.users or self.queues or self.errors or self.jobs.rows)


@bp.get("/search")
@page(Role.VIEWER)
def search() -> str | Answer:
    """What was found; a state of one queue is its list."""
    asked = read_query(Asked)
    query = searching.parse(asked.q)
    if there := _list_of_queue(query):
        return redirect(there)
    fault, found = "", Found()
    try:
        with db.reading() as session:
            _look(session, query, asked, found)
    except (searching.UnknownState, InvalidCursor) as wrong:
        fault = str(wrong)
    return render_template(
        "search.html", q=asked.q, found=found, fault=fault, states=STATES, queues=catalog.queues(), section="search"
    )


def _list_of_queue(query: Query) -> str | None:
    """Jobs of one queue, in a state or not, without more to ask: the queue's own page has them."""
    queue = query.given.get("queue", "").replace(":", "-")
    if query.words or query.given.keys() - {"queue", "state"} or queue not in catalog.queues():
        return None
    state = query.given.get("state")
    return url_for("dashboard.queue", queue_name=queue, state=state if state in STATES else None)


def _look(session: Session, query: Query, asked: Asked, found: Found) -> None:
    given = query.given
    if job_id := given.get("job"):
        found.jobs = _narrowed(session, query, job_id)
    elif user_id := given.get("user"):
        user = _user(session, user_id)
        found.users = [user] if user else []
        found.jobs = _of_user(session, query, user.id if user else user_id, asked)
    elif error := given.get("error"):
        found.errors = session.scalars(failures.groups(MOST_ERRORS, text=error)).all()
    elif query.state is not None:
        found.jobs = _in_state(session, query, asked)
    elif query.words:
        _look_everywhere(session, query.words, asked, found)


def _look_everywhere(session: Session, words: str, asked: Asked, found: Found) -> None:
    """Exactly as an id or an address, as a part of a queue's name, as words of an error."""
    user = _user(session, words)
    found.users = [user] if user else []
    found.queues = [name for name in catalog.queues() if words.lower() in name]
    found.errors = session.scalars(failures.groups(MOST_ERRORS, text=words)).all()
    found.jobs = _narrowed(session, Query(), words)
    if not found.jobs.rows:
        found.jobs = _of_user(session, Query(given={"user": words}), user.id if user else words, asked)


def _user(session: Session, name: str) -> User | None:
    present = select(User).where(User.removed_at.is_(None))
    by = User.email == name.lower() if "@" in name else User.id == name
    return session.scalar(present.where(by))


def _narrowed(session: Session, query: Query, job_id: str) -> Paged[Line]:
    """Jobs of that id; one that only Redis knows, no worker has seen yet."""
    rows = searching.named(session, job_id)
    queue, state = query.given.get("queue"), query.state
    lines = [of_row(row) for row in rows if queue in (None, row.queue) and state in (None, row.status)]
    if not rows and (only_in := queue_of(job_id)):
        lines = [Line(only_in, job_id, "", "waiting", "", None, 0, None)]
    return Paged(lines, None, None)


def _of_user(session: Session, query: Query, user_id: str, asked: Asked) -> Paged[Line]:
    before = int(asked.before) if asked.before and asked.before.isdecimal() else None
    rows = session.scalars(searching.of_user(query, user_id, ROWS + 1, before)).all()
    return _lines(paged(rows, lambda row: row.id))


def _in_state(session: Session, query: Query, asked: Asked) -> Paged[Line]:
    state = query.state
    assert state is not None  # noqa: S101 - narrows the type
    after = failures.place_of(asked.before) if asked.before else None
    rows = session.scalars(searching.in_state(state, ROWS + 1, after)).all()
    return _lines(paged(rows, failures.cursor_at))


def _lines(rows: Paged[JobStatus]) -> Paged[Line]:
    return Paged([of_row(row) for row in rows.rows], rows.next, rows.first)
