"""``toril doctor``: is everything that this installation needs there, and as it must be?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import click
from redis import Redis
from sqlalchemy import func, make_url, select

from app import db
from app.broker.connection import new_client
from app.clock import utc_now
from app.commands.deep import count_doubled, count_lost, count_orphaned, count_stuck_flows
from app.commands.printing import show_table
from app.crontab import entries
from app.crontab.code import scheduled_jobs
from app.crontab.cron import slots_between
from app.crontab.slots import MISSED_AFTER
from app.domains.slots.assign import unscheduled
from app.ledger.clock import MOST_APART, database_now
from app.migrations.run import pending
from app.models.crontab_cursor import CrontabCursor
from app.models.crontab_entry import CrontabEntry
from app.secrets import seal, signing_key, unseal
from app.settings import settings

YEAR = timedelta(days=366)

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it."""

    subject: str
    state: State
    says: str


@click.command()
@click.option("--deep", is_flag=True, help="Also compare every open row with its queue: lost, doubled, orphaned jobs.")
def doctor(deep: bool) -> None:
    """Check settings, secrets, the database, Redis and the crontab; exits 1 if anything is wrong."""
    checks = CHECKS | DEEP_CHECKS if deep else CHECKS
    findings = [finding for subject, look in checks.items() for finding in _look(subject, look)]
    show_table(("CHECK", "STATE", "DETAIL"), [(one.subject, one.state, one.says) for one in findings])
    sys.exit(1 if any(one.state == "wrong" for one in findings) else 0)


def _look(subject: str, look: Callable[[], Iterator[tuple[State, str]]]) -> Iterator[Finding]:
    """What the check says; its own failure is a finding too."""
    try:
        for state, says in look():
            yield Finding(subject, state, says)
    except Exception as error:
        yield Finding(subject, "wrong", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def _settings() -> Iterator[tuple[State, str]]:
    yield "ok", f"{settings().environment}, time zone {settings().timezone}, files under {settings().var_dir}"


def _secrets() -> Iterator[tuple[State, str]]:
    unseal(seal("doctor"))
    signing_key()
    given = bool(settings().secret_key and settings().encryption_keys)
    yield "ok", "given by the environment" if given else "made for this machine; production needs its own"


def _database() -> Iterator[tuple[State, str]]:
    url = make_url(settings().database_url)
    with db.reading() as session:
        session.execute(select(1))
    yield "ok", f"{url.render_as_string(hide_password=True)} answers"


def _schema() -> Iterator[tuple[State, str]]:
    missing = pending()
    yield ("wrong", f"lacks {', '.join(missing)}: run `toril migrate`") if missing else ("ok", "is the newest")


def _slots() -> Iterator[tuple[State, str]]:
    with db.reading() as session:
        left_out = session.scalar(select(func.count()).select_from(unscheduled().subquery()))
    yield (
        ("warning", f"{left_out} verified users have no slot: `toril users verify` gives them one")
        if left_out
        else ("ok", "every verified user has one")
    )


def _queue_redis() -> Iterator[tuple[State, str]]:
    facts = _facts(settings().queue_redis_url)
    yield "ok", f"{_place(settings().queue_redis_url)}, version {facts['redis_version']}"
    policy = facts.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        yield "wrong", f"maxmemory-policy is {policy}: it would drop jobs; set it to noeviction"
    if not facts.get("aof_enabled"):
        yield "warning", "appendonly is off: a crash loses what was added since the last snapshot, until it is repaired"


def _clocks() -> Iterator[tuple[State, str]]:
    """Slots are cut by Redis's clock, rows are stamped by the database's; this machine's changes nothing (R17)."""
    with _client(settings().queue_redis_url) as client, db.engine().connect() as connection:
        seconds, micros = cast("tuple[int, int]", client.time())
        ahead_s = seconds + micros / 1e6 - database_now(connection).timestamp()
    if abs(ahead_s) > MOST_APART.total_seconds():
        yield "wrong", f"Redis is {ahead_s:+.1f} s from the database: nothing ticks until they agree within 60 s"
    else:
        yield "ok", f"Redis is {ahead_s:+.1f} s from the database"


def _cache_redis() -> Iterator[tuple[State, str]]:
    facts = _facts(settings().cache_redis_url)
    yield "ok", f"{_place(settings().cache_redis_url)}, version {facts['redis_version']}"
    if settings().cache_redis_url == settings().queue_redis_url:
        yield "warning", "cache and queues share one database: give CACHE_REDIS_URL another number"


def _crontab() -> Iterator[tuple[State, str]]:
    """Each entry, and how far the producer has come with it."""
    now = utc_now()
    with db.reading() as session:
        rows = {row.id: row for row in session.scalars(select(CrontabEntry))}
        cursors = {row.entry_id: row.added_until for row in session.scalars(select(CrontabCursor))}
    for job in scheduled_jobs():
        if job.name not in rows:
            line = f"{job.name} ({job.schedule}, {job.timezone})"
            yield "warning", f"{line} is not in the table yet: the producer has never run here"
    for entry in rows.values():
        line = f"{entry.id} ({entry.schedule}, {entry.timezone})"
        if not entries.is_ours(entry):
            yield "ok", f"{line} does not run in this environment"
        elif not entry.enabled:
            yield "warning", f"{line} is stopped"
        elif missed := _first_slot(entry, cursors[entry.id], now - MISSED_AFTER):
            yield "warning", f"{line} missed {missed:%Y-%m-%d %H:%M} UTC: are clock and producer up?"
        else:
            next_slot = _first_slot(entry, now, now + YEAR)
            yield "ok", f"{line}, next {next_slot:%Y-%m-%d %H:%M} UTC" if next_slot else f"{line}, never again"


def _first_slot(entry: CrontabEntry, after: datetime, until: datetime) -> datetime | None:
    return next(slots_between(entry.schedule, entry.timezone, after, until), None)


def _none(count: Callable[[], int], meaning: str) -> Callable[[], Iterator[tuple[State, str]]]:
    def look() -> Iterator[tuple[State, str]]:
        found = count()
        yield "wrong" if found else "ok", f"{found} {meaning}"

    return look


def _facts(url: str) -> dict[str, Any]:
    with _client(url) as client:
        return cast("dict[str, Any]", client.info())


def _client(url: str) -> Redis:
    return new_client(url, socket_connect_timeout=2, socket_timeout=2)


def _place(url: str) -> str:
    """The URL without its credentials; that of a Sentinel service names several hosts."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


CHECKS: dict[str, Callable[[], Iterator[tuple[State, str]]]] = {
    "settings": _settings,
    "secrets": _secrets,
    "database": _database,
    "schema": _schema,
    "slots": _slots,
    "queue redis": _queue_redis,
    "cache redis": _cache_redis,
    "clocks": _clocks,
    "crontab": _crontab,
}

DEEP_CHECKS: dict[str, Callable[[], Iterator[tuple[State, str]]]] = {
    "lost": _none(count_lost, "open rows whose job is in no queue"),
    "doubled": _none(count_doubled, "jobs in two places at once"),
    "flows": _none(count_stuck_flows, "parents that wait for a job that does not exist"),
    "orphaned": _none(count_orphaned, "running rows that nobody runs, and ids without a job"),
}
