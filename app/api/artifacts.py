"""Exports and reports as the API shows them: to the members of their publisher, and to operators (CONTRACTS C39)."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from pydantic import Field
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from app.api.input import Page
from app.api.served import is_served
from app.auth.guard import current_user
from app.clock import utc_now
from app.domains.publishers.artifacts.shown import ArtifactNotFound, Shown, ShownState, as_they_are, newest, older
from app.models.export import Export
from app.models.report import Report
from app.models.user import Role

A = TypeVar("A", Export, Report)


class ArtifactsPage(Page):
    """Of one publisher, or of all the caller's; a page begins after ``before``, the last of the one before."""

    publisher_id: str | None = Field(None, max_length=64, pattern=r"^[^\x00]+$")
    before: str | None = Field(None, max_length=64, pattern=r"^[^\x00]+$")


class ArtifactFields(TypedDict):
    """What exports and reports have in common; the job's id is another than the artifact's (C28)."""

    id: str
    jobId: str
    publisherId: str
    status: ShownState
    error: str | None
    createdAt: datetime
    startedAt: datetime | None
    completedAt: datetime | None
    expiresAt: datetime


def find(session: Session, kind: type[A], artifact_id: str) -> A:
    """The artifact, if the caller may see it. Raises ArtifactNotFound."""
    found = session.get(kind, artifact_id)
    if found is None or not is_served(session, found.publisher_id):
        raise ArtifactNotFound(kind, artifact_id)
    return found


def page_of(
    session: Session, kind: type[A], queue: str, asked: ArtifactsPage
) -> tuple[list[tuple[A, Shown]], str | None]:
    """Those that the caller may see, the newest first; and the ``before`` of the page behind, None on the last."""
    user = current_user()
    member = None if user.role.includes(Role.OPERATOR) else user.id
    page = newest(kind, publisher_id=asked.publisher_id, member=member).limit(asked.limit)
    if asked.before is not None:
        page = page.where(older(kind, find(session, kind, asked.before)))
    found = session.scalars(page).all()
    states = as_they_are(session, queue, found, utc_now())
    return list(zip(found, states, strict=True)), found[-1].id if len(found) == asked.limit else None


def state_of(session: Session, artifact: A, queue: str) -> Shown:
    """How it is now."""
    return as_they_are(session, queue, [artifact], utc_now())[0]


def no_file(artifact: Export | Report, state: Shown) -> str:
    """Why there is nothing to download."""
    kind = type(artifact).__name__.lower()
    if state.state in ("completed", "expired"):
        return f"{kind} {artifact.id!r} has expired: ask for it again"
    return f"{kind} {artifact.id!r} is {state.state}: only a completed one can be downloaded"


def fields_of(artifact: Export | Report, state: Shown) -> ArtifactFields:
    """What both kinds show."""
    return {
        "id": artifact.id,
        "jobId": artifact.job_id,
        "publisherId": artifact.publisher_id,
        "status": state.state,
        "error": state.error,
        "createdAt": artifact.created_at,
        "startedAt": artifact.started_at,
        "completedAt": artifact.completed_at,
        "expiresAt": artifact.expires_at,
    }
