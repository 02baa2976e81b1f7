"""Opportunities whose journey is near are worth more each day (S4-4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, case, update
from sqlalchemy.orm import Session

from app.models.opportunity import Opportunity

DAY = timedelta(days=1)
WITHIN = 30 * DAY
CLOSED = ("CONVERTED", "JUNK", "NOT_INTERESTED")


def raise_scores(session: Session, slot: datetime) -> int:
    """Raise every near and open opportunity's score, once for that slot; returns how many were raised."""
    return session.connection().execute(raised(slot)).rowcount


def raised(slot: datetime) -> Update:
    """One statement: it takes whole or not at all, and who has had this slot, or a later one, has had it (C36).

    Days are whole ones from the slot on, as the document counts them: 7 days and 23 hours are 7.
    """
    near = Opportunity.travel_date.between(slot, slot + WITHIN)
    still_open = (Opportunity.stage.not_in(CLOSED), Opportunity.deleted.is_(False))
    return (
        update(Opportunity)
        .where(near, *still_open, Opportunity.scored_slot < slot)
        .values(opportunity_score=Opportunity.opportunity_score + _increase(slot), scored_slot=slot)
    )


def _increase(slot: datetime) -> ColumnElement[int]:
    travel_date = Opportunity.travel_date
    return case((travel_date < slot + 8 * DAY, 20), (travel_date < slot + 15 * DAY, 15), else_=10)
