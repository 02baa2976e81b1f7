"""The queues, and one queue: what is in each state, how long jobs wait and run, what holds them up."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, url_for
from pydantic import Field

from app import db
from app.broker import listing
from app.broker.queue import STATES, Queue, State
from app.broker.steering import read_settings
from app.clock import utc_now
from app.dashboard.forms import Form, read_query
from app.dashboard.job_shown import of_job
from app.dashboard.paging import ROWS, by_cursor, here
from app.dashboard.people import names_of
from app.dashboard.site import bp, page
from app.jobs import catalog
from app.jobs.engine import find_queue
from app.jobs.listeners import listeners
from app.jobs.why.blockers import lasting
from app.jobs.why.reason import Kind
from app.ledger.figures.reading import WINDOWS, QueueSeries, Window, queue_series
from app.models.user import Role

#: Where one looks first: what failed, what runs, what waits.
FIRST: tuple[State, ...] = ("failed", "active", "waiting", "prioritized", "delayed", "waiting-children", "completed")
#: Fewer ended jobs than this say little of a 95th percentile.
ENOUGH = 20


class Asked(Form):
    """Which list, from where on; charts of when."""

    state: State | None = None
    cursor: str | None = Field(None, max_length=300)
    window: Window = "1h"


@dataclass(frozen=True, slots=True)
class Line:
    """A queue in the list. It is ``forsaken`` if jobs wait and no worker listens: the only time that this is wrong."""

    name: str
    counts: dict[State, int]
    paused: bool
    workers: int
    series: QueueSeries | None

    @property
    def forsaken(self) -> bool:
        """Jobs wait for nobody."""
        return self.workers == 0 and self.counts["waiting"] + self.counts["prioritized"] > 0


@bp.get("/queues")
@page(Role.VIEWER)
def queues() -> str:
    """Every queue with its counts."""
    workers = listeners()
    with db.reading() as session:
        series = {one.queue: one for one in queue_series(session, "1h", utc_now())}
    lines = [_line(find_queue(name), workers[name], series.get(name)) for name in catalog.queues()]
    return render_template("queues.html", lines=lines, states=STATES)


@bp.get("/queues/<queue:queue_name>")
@page(Role.VIEWER)
def queue(queue_name: str) -> str:
    """One queue: a state's jobs, the charts, what holds it up, and what can be done."""
    asked = read_query(Asked)
    found = find_queue(queue_name)
    with db.reading() as session:
        series = queue_series(session, asked.window, utc_now(), queue=found.name)
        held = [reason for reason in lasting(session, found) if reason.kind is not Kind.NO_WORKER]
        names = names_of(session, (reason.by for reason in held))
    line = _line(found, listeners()[found.name], series[0] if series else None)
    state = asked.state or _first(line)
    jobs = listing.page(found, state, ROWS, asked.cursor)
    return render_template(
        "queue.html",
        line=line,
        state=state,
        states=[(one, _list_of(found.name, one), one == state, line.counts[one]) for one in STATES],
        listed=by_cursor([of_job(job, state) for job in jobs.jobs], jobs.following),
        window=asked.window,
        windows=[(one, here(window=one), one == asked.window, None) for one in WINDOWS],
        held=held,
        names=names,
        limits=read_settings(found),
        concurrency=catalog.concurrency().get(found.name, 1),
        enough=ENOUGH,
    )


def _first(line: Line) -> State:
    """Where one looks first of what there is."""
    return next((state for state in FIRST if line.counts[state]), "failed")


def _list_of(name: str, state: State) -> str:
    return url_for("dashboard.queue", queue_name=name, state=state)


def _line(queue: Queue, workers: int, series: QueueSeries | None) -> Line:
    return Line(queue.name, queue.get_job_counts(), queue.is_paused(), workers, series)
