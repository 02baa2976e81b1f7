"""Jobs of the catalog that come again by a cron expression: entries whose body adds one job a slot (S3-18)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db
from app.crontab import entries
from app.crontab.code import jobs
from app.crontab.entries import EntryExists, EntryNotFound, NewEntry
from app.crontab.running import Run
from app.crontab.slots import slot_name
from app.jobs.by_hand import job_by_hand, spec_by_hand
from app.jobs.engine import find_queue
from app.jobs.enqueue import enqueue_with
from app.models.crontab_entry import CrontabEntry

#: The file whose body adds the job.
BODY = "recurringJob"


class RecurringJob(BaseModel):
    """The data of such an entry: what is added for each of its slots. ``queue`` is the canonical name."""

    model_config = ConfigDict(strict=True, extra="forbid")

    queue: str
    name: Annotated[str, Field(min_length=1, max_length=128)]
    data: dict[str, Any] = Field(default_factory=dict)
    priority: Annotated[int, Field(ge=0, le=2**21)] = 0


def checked(data: Mapping[str, Any]) -> RecurringJob:
    """The data, if such a job could be added today.

    Raises pydantic's ValidationError, QueueNotFound and UnknownJobName.
    """
    asked = RecurringJob.model_validate(dict(data))
    find_queue(asked.queue)
    spec_by_hand(asked.queue, asked.name).payload.model_validate(asked.data)
    return asked


def schedule_recurring_job(
    session: Session,
    queue: str,
    name: str,
    data: Mapping[str, Any],
    cron: str,
    *,
    by: str,
    at: datetime,
    timezone: str | None = None,
    priority: int = 0,
    entry_id: str | None = None,
    enabled: bool = True,
    why: str | None = None,
) -> CrontabEntry:
    """Add that job at every moment of the cron expression (5 fields, or 6 with seconds first), once each.

    Said again with the same words it is the same entry, so a program may say it at each start. Two that differ in
    anything are two entries, unless they are given one ``entry_id``: then EntryExists. Raises QueueNotFound,
    UnknownJobName, and pydantic's ValidationError for the schedule, the zone and the data.
    """
    canonical = find_queue(queue).name
    asked = {"queue": canonical, "name": name, "data": dict(data), "priority": priority}
    zone = {} if timezone is None else {"timezone": timezone}
    body = jobs()[BODY]
    new = NewEntry(
        id=entry_id or _named_after(canonical, [asked, cron, timezone]),
        job=BODY,
        title=f"{name} on {canonical}"[:200],
        schedule=cron,
        data=asked,
        enabled=enabled,
        timeout_s=body.timeout_s,
        attempts=body.attempts,
        **zone,
    )
    try:
        return entries.create(session, new, by=by, at=at, why=why)
    except EntryExists:
        standing = session.get_one(CrontabEntry, new.id)
        if (standing.job, standing.data, standing.schedule) != (BODY, asked, new.schedule):
            raise
        return standing


def recurring_jobs(session: Session, queue: str) -> Sequence[CrontabEntry]:
    """The entries that add jobs to that queue, by id."""
    ours = select(CrontabEntry).where(CrontabEntry.job == BODY).order_by(CrontabEntry.id)
    return [entry for entry in session.scalars(ours) if entry.data.get("queue") == queue]


def find(session: Session, queue: str, entry_id: str) -> CrontabEntry:
    """One of them. Raises EntryNotFound, also for any other entry."""
    entry = session.get(CrontabEntry, entry_id)
    if entry is None or entry.job != BODY or entry.data.get("queue") != queue:
        raise EntryNotFound(entry_id)
    return entry


def add_job(run: Run) -> str:
    """Add the job of this run's slot, once however often the run is repeated; returns its id."""
    asked = checked(run.data)
    key = _key(run)
    job = job_by_hand(asked.queue, asked.name, asked.data, job_id=key, priority=asked.priority, promise_key=key)
    with db.session() as session:
        enqueue_with(session, [job])
    return job.id


def _key(run: Run) -> str:
    if run.manual:
        return f"manual-{run.entry_id}-{run.session_id}"
    return f"recurring-{run.entry_id}-{slot_name(run.slot)}"


def _named_after(queue: str, said: list[Any]) -> str:
    """Equal for equal words."""
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return f"{queue[:48]}-{digest[:12]}"
