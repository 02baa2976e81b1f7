"""Artifacts as they are: the newest first, and what the ledger knows of jobs that could not say it themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from sqlalchemy import ColumnElement, Select, literal, select, tuple_
from sqlalchemy.orm import Session

from app.models.artifact import ArtifactState
from app.models.base import UtcDateTime
from app.models.export import Export
from app.models.job_status import JobStatus, Status
from app.models.publisher_member import PublisherMember
from app.models.report import Report

A = TypeVar("A", Export, Report)
ShownState = ArtifactState | Literal["expired"]

#: Ends of a job after which nobody completes its artifact.
LOST = (Status.FAILED, Status.CANCELLED, Status.REMOVED)


class ArtifactNotFound(LookupError):
    """No such artifact, or none that the caller may know of."""

    def __init__(self, kind: type[Export | Report], artifact_id: str) -> None:
        super().__init__(f"no {kind.__name__.lower()} {artifact_id!r}")


@dataclass(frozen=True, slots=True)
class Shown:
    """How an artifact is now, and why it failed."""

    state: ShownState
    error: str | None


def newest(kind: type[A], *, publisher_id: str | None = None, member: str | None = None) -> Select[A]:
    """Of one publisher, of a member's publishers, or of all."""
    found = select(kind).order_by(kind.created_at.desc(), kind.id.desc())
    if publisher_id is not None:
        found = found.where(kind.publisher_id == publisher_id)
    if member is not None:
        mine = select(PublisherMember.publisher_id).where(PublisherMember.user_id == member)
        found = found.where(kind.publisher_id.in_(mine))
    return found


def older(kind: type[A], than: A) -> ColumnElement[bool]:
    """What comes after that one, among the newest first."""
    return tuple_(kind.created_at, kind.id) < tuple_(literal(than.created_at, UtcDateTime()), than.id)


def as_they_are(session: Session, queue: str, artifacts: Sequence[A], now: datetime) -> list[Shown]:
    """In their order. One that its job has not completed is what the ledger says of the job."""
    lost = _lost(session, queue, {one.job_id for one in artifacts if one.state in ("pending", "processing")})
    return [_as_it_is(one, lost, now) for one in artifacts]


def _as_it_is(artifact: Export | Report, lost: Mapping[str, str], now: datetime) -> Shown:
    if artifact.state == "completed":
        return Shown("expired" if artifact.expires_at <= now else "completed", None)
    if artifact.state != "failed" and artifact.job_id in lost:
        return Shown("failed", lost[artifact.job_id])
    return Shown(artifact.state, artifact.error)


def _lost(session: Session, queue: str, job_ids: Collection[str]) -> dict[str, str]:
    """Why, of those of these jobs that ended and completed nothing; an id's newest job counts."""
    jobs = select(JobStatus.job_id, JobStatus.status, JobStatus.error)
    jobs = jobs.where(JobStatus.queue == queue, JobStatus.job_id.in_(job_ids)).order_by(JobStatus.id)
    newest = {job_id: (status, error) for job_id, status, error in session.execute(jobs)}
    return {key: error or f"its job was {status}" for key, (status, error) in newest.items() if status in LOST}
