"""The life of an artifact in its job: begun, completed together with the job, or failed with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import update

from app import db
from app.broker.current import RunningJob
from app.broker.errors import LeaseLost, Unrecoverable
from app.clock import utc_now
from app.crontab.execute import FINAL, PUT_OFF
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.artifacts.files import kept_for
from app.ledger.effect import Effect, effect
from app.ledger.errors import unavailable_when_operational
from app.models.export import Export
from app.models.publisher import Publisher
from app.models.report import Report

A = TypeVar("A", Export, Report)


class NotTheirs(Unrecoverable):
    """The id is that of another publisher's."""

    def __init__(self, table: str, artifact_id: str) -> None:
        super().__init__(f"id {artifact_id!r} in {table} is another publisher's: choose another, or none")


def begin(
    job: RunningJob, kind: type[A], artifact_id: str | None, publisher_id: str, asked: Mapping[str, Any]
) -> tuple[A, Publisher]:
    """The row, which is being processed from now on, with what the job's data ask for; a new one for a job by hand.

    Without an id it is the job's own, so that each attempt means the same row. Raises PublisherNotFound, NotTheirs.
    """
    now, key = utc_now(), artifact_id or _key_of(job)
    with unavailable_when_operational(), db.session() as session:
        publisher = find_publisher(session, publisher_id)
        row = session.get(kind, key, with_for_update=True)
        if row is None:
            row = kind(id=key, publisher_id=publisher_id, created_at=now, expires_at=now + kept_for())
            session.add(row)
        elif row.publisher_id != publisher_id:
            raise NotTheirs(kind.__tablename__, key)
        began = {"job_id": job.id, "state": "processing", "error": None, "started_at": now, "completed_at": None}
        for name, value in {**asked, **began}.items():
            setattr(row, name, value)
    return row, publisher


@contextmanager
def completing(job: RunningJob, row: A) -> Iterator[Effect]:
    """The row is completed and the job ends, both or neither. The block fills in what they say."""
    now = utc_now()
    with effect(job) as ending:
        merged = ending.session.merge(row)
        merged.state, merged.completed_at, merged.expires_at = "completed", now, now + kept_for()
        yield ending


@contextmanager
def telling_failures(job: RunningJob, row: A) -> Iterator[None]:
    """If the block fails, the row says why: failed for good, or pending until the next attempt."""
    try:
        yield
    except (*PUT_OFF, LeaseLost):
        raise
    except BaseException as error:
        will_retry = job.claim.attempt < job.claim.attempts and not isinstance(error, FINAL)
        reason = str(error) or type(error).__name__
        kind = type(row)
        mine = (kind.id == row.id, kind.job_id == job.id, kind.state == "processing")
        said = update(kind).where(*mine).values(state="pending" if will_retry else "failed", error=reason)
        with unavailable_when_operational(), db.session() as session:
            session.execute(said)
        raise


def run_of(job: RunningJob) -> int:
    """The number of this run, by which its unfinished files differ from another's."""
    return job.start.run if job.start else 0


def _key_of(job: RunningJob) -> str:
    return hashlib.sha256(f"{job.queue} {job.id} {job.claim.added_ms}".encode()).hexdigest()[:16]
