"""Failures find their group when they are written: only a failure pays for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Table, case, select, update

from app.ledger.batch import clean
from app.ledger.rows import JOB, job_status
from app.ledger.signature import Signature, signature
from app.ledger.upsert import inserting
from app.models.error_group import ErrorGroup
from app.models.job_status import Status
from app.models.untold_failure import UntoldFailure

error_groups = cast("Table", ErrorGroup.__table__)
GROUP = error_groups.c
untold_failures = cast("Table", UntoldFailure.__table__)


def group_failures(connection: Connection, failures: Sequence[Mapping[str, Any]]) -> None:
    """Put these rows (``id``, ``error``, ``stacktrace``, ``ended_at``), which failed just now, into groups.

    In the transaction of their ends; one that has its group already is not counted again.
    """
    alike: dict[Signature, list[Mapping[str, Any]]] = {}
    for failure in failures:
        alike.setdefault(signature(clean(failure["error"] or ""), failure["stacktrace"]), []).append(failure)
    # In one order, so that two who fail alike wait for each other, and never in a circle.
    for found, rows in sorted(alike.items(), key=lambda pair: pair[0].id):
        of_these = (JOB.id.in_([row["id"] for row in rows]), JOB.status == Status.FAILED)
        new = update(job_status).where(*of_these, JOB.error_group.is_(None)).values(error_group=found.id)
        count = connection.execute(new).rowcount
        if count:
            newest = max(rows, key=lambda row: row["ended_at"])
            _count(connection, found, count, clean(newest["error"] or ""), newest["ended_at"])
    _tell_later(connection, [failure["id"] for failure in failures])


def _tell_later(connection: Connection, jobs: Sequence[int]) -> None:
    """Somebody is to hear of these (``app.alerts.failures``)."""
    failed = select(JOB.id).where(JOB.id.in_(jobs), JOB.status == Status.FAILED)
    connection.execute(inserting(connection, untold_failures).from_select(["job"], failed).on_conflict_do_nothing())


def _count(connection: Connection, found: Signature, count: int, sample: str, at: datetime) -> None:
    row = inserting(connection, error_groups).values(
        id=found.id,
        error_class=found.error_class,
        message=found.message,
        sample=sample,
        first_seen_at=at,
        last_seen_at=at,
        seen=count,
    )
    is_newer = row.excluded.last_seen_at >= GROUP.last_seen_at
    seen_again = {
        "seen": GROUP.seen + row.excluded.seen,
        "last_seen_at": case((is_newer, row.excluded.last_seen_at), else_=GROUP.last_seen_at),
        "sample": case((is_newer, row.excluded.sample), else_=GROUP.sample),
    }
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=seen_again))


def forgotten(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Groups that were last seen before that moment and have no failed job any more."""
    still_failed = select(JOB.id).where(JOB.error_group == ErrorGroup.id, JOB.status == Status.FAILED)
    return ErrorGroup.last_seen_at < before, ~still_failed.exists()
