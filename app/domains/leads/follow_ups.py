"""Who is to be got in touch with again, as tasks of whoever works on them (S4-8)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, insert, literal, select, update
from sqlalchemy.orm import Session

from app.domains.leads.scores import CLOSED
from app.models.base import UtcDateTime
from app.models.follow_up import FollowUp
from app.models.opportunity import Opportunity


def process_follow_ups(session: Session, now: datetime) -> dict[str, int]:
    """Close the tasks that nobody needs any more, open those that have fallen due; the same again changes nothing.

    A task is needed while its opportunity is open and its due time is the one the CRM has.
    """
    current = _due(now).where(_is_the_tasks()).exists()
    done = update(FollowUp).where(FollowUp.closed_at.is_(None), ~current).values(closed_at=now)
    closed = len(session.execute(done.returning(FollowUp.id), execution_options={"synchronize_session": False}).all())
    new = _due(now).where(~exists().where(_is_the_tasks()))
    columns = ["opportunity_id", "owner", "due_at", "created_at"]
    created = session.execute(insert(FollowUp).from_select(columns, new).returning(FollowUp.id)).all()
    return {"opened": len(created), "closed": closed}


def open_tasks(now: datetime) -> Select[FollowUp]:
    """What is to be done by now, the longest due first."""
    due = (FollowUp.closed_at.is_(None), FollowUp.due_at <= now)
    return select(FollowUp).where(*due).order_by(FollowUp.due_at, FollowUp.id)


def _due(now: datetime) -> Select[str, str, datetime | None, datetime]:
    still_open = (Opportunity.stage.not_in(CLOSED), Opportunity.deleted.is_(False))
    task = (Opportunity.id, Opportunity.owner, Opportunity.next_follow_up_at, literal(now, UtcDateTime()))
    return select(*task).where(*still_open, Opportunity.next_follow_up_at <= now)


def _is_the_tasks() -> ColumnElement[bool]:
    return and_(FollowUp.opportunity_id == Opportunity.id, FollowUp.due_at == Opportunity.next_follow_up_at)
