"""The schedule: when users' updates come, what the crontab does, what is overdue, and what starts together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from flask import render_template
from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from app import db
from app.clock import utc_now
from app.crontab import emergency, entries
from app.crontab.cron import in_words, slots_between
from app.crontab.overdue import Overdue, overdue
from app.crontab.table import next_runs
from app.dashboard.site import bp, page
from app.dashboard.slots import WEEKDAYS
from app.domains.slots.load import Loads, read_loads
from app.models.cron_session import CronSession, SessionStatus
from app.models.crontab_entry import CrontabEntry
from app.models.user import Role
from app.settings import settings

DAY = timedelta(days=1)
#: Dots of an entry's last runs.
RUNS_SHOWN = 12
#: What runs more often meets everything sooner or later, and is no clash.
RARE_RUNS_A_DAY = 4
SHADES = 5


@dataclass(frozen=True, slots=True)
class Line:
    """An entry: what it is doing, when it runs next and how its last runs went, the oldest first."""

    entry: CrontabEntry
    words: str
    state: str
    next_run: datetime | None
    last: Sequence[CronSession]
    overdue: Overdue | None


@dataclass(frozen=True, slots=True)
class Heat:
    """Updates that come in one hour of the week: how many, and their shade, 0 to 5 of the fullest."""

    count: int
    shade: int


@bp.get("/schedule")
@page(Role.VIEWER)
def schedule() -> str:
    """Everything that comes by itself."""
    now = utc_now()
    with db.reading() as session:
        return render_template(
            "schedule.html",
            lines=lines(session, now),
            clashes=clashes(entries.ticking(session), now),
            heat=heat(read_loads(session), now),
            stop=emergency.standing(session),
        )


def lines(session: Session, now: datetime) -> list[Line]:
    """Every entry, by its id."""
    late = {one.entry_id: one for one in overdue(session, now)}
    every = entries.all_entries(session)
    runs = newest_runs(session, [entry.id for entry in every])
    return [line(entry, runs.get(entry.id, []), late.get(entry.id), now) for entry in every]


def line(entry: CrontabEntry, newest: Sequence[CronSession], late: Overdue | None, now: datetime) -> Line:
    """One entry, with its newest runs, the newest first."""
    is_ours = entries.is_ours(entry)
    following = next_runs(entry.schedule, entry.timezone, now, 1) if entry.enabled and is_ours else []
    if newest and newest[0].status == SessionStatus.RUNNING:
        state = "running"
    elif not is_ours:
        state = "not here"
    else:
        state = "on" if entry.enabled else "stopped"
    return Line(entry, in_words(entry.schedule), state, next(iter(following), None), newest[::-1], late)


def newest_runs(session: Session, entry_ids: Sequence[str], each: int = RUNS_SHOWN) -> dict[str, list[CronSession]]:
    """By entry, its newest sessions, the newest first; one statement."""
    if not entry_ids:
        return {}
    ids = union_all(
        *(
            select(
                select(CronSession.id)
                .where(CronSession.entry_id == entry_id)
                .order_by(CronSession.start_time.desc(), CronSession.id.desc())
                .limit(each)
                .subquery()
                .c.id
            )
            for entry_id in entry_ids
        )
    )
    newest_first = (CronSession.start_time.desc(), CronSession.id.desc())
    found: dict[str, list[CronSession]] = {}
    for one in session.scalars(select(CronSession).where(CronSession.id.in_(ids)).order_by(*newest_first)):
        found.setdefault(one.entry_id, []).append(one)
    return found


def clashes(ticking: Sequence[CrontabEntry], now: datetime) -> list[tuple[datetime, list[str]]]:
    """Moments of the next 24 h at which several entries start that run a few times a day (C25)."""
    starting: dict[datetime, list[str]] = {}
    for entry in ticking:
        coming = slots_between(entry.schedule, entry.timezone, now, now + DAY)
        runs = list(islice(coming, RARE_RUNS_A_DAY + 1))
        for at in runs if len(runs) <= RARE_RUNS_A_DAY else ():
            starting.setdefault(at, []).append(entry.id)
    return [(at, sorted(ids)) for at, ids in sorted(starting.items()) if len(ids) > 1]


def heat(loads: Loads, now: datetime) -> dict[str, list[Heat]]:
    """By weekday and hour of the shown zone: the daily updates of the hour, and the weekly ones that fall in it."""
    offset = now.astimezone(ZoneInfo(settings().timezone)).utcoffset() or timedelta()
    counts = {
        WEEKDAYS[day]: [
            _users(loads, *divmod((day * 24 + hour - offset // timedelta(hours=1)) % 168, 24)) for hour in range(24)
        ]
        for day in (1, 2, 3, 4, 5, 6, 0)
    }
    most = max(map(max, counts.values())) or 1
    return {day: [Heat(count, -(-count * SHADES // most)) for count in hours] for day, hours in counts.items()}


def _users(loads: Loads, day: int, hour: int) -> int:
    daily: Mapping[int, list[int]] = loads["hour"]
    weekly: Mapping[int, list[int]] = loads["day"]
    return sum(daily.get(hour, [])) + sum(weekly.get(day, [])[hour * 60 : hour * 60 + 60])
