"""What the sales team is told each working day (S4-8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.domains.accounts.admins import admins
from app.domains.leads.scores import CLOSED, DAY, WITHIN
from app.models.follow_up import FollowUp
from app.models.opportunity import Opportunity
from app.models.web_url import WebUrl
from app.settings import settings

HOTTEST = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """As of one moment; ``new`` are those of the day before it, ``leaving`` travel within 30 days."""

    at: datetime
    new: int
    by_stage: dict[str, int]
    leaving: int
    hottest: list[tuple[str, str, int]]
    tasks: dict[str, int]
    pages: int


def figures(session: Session, at: datetime, since: datetime) -> Figures:
    """Read them all in the caller's transaction."""
    present = Opportunity.deleted.is_(False)
    still_open = (present, Opportunity.stage.not_in(CLOSED))
    leaving = (*still_open, Opportunity.travel_date.between(at, at + WITHIN))
    stages = select(Opportunity.stage, func.count()).where(present).group_by(Opportunity.stage)
    hottest = select(Opportunity.id, Opportunity.name, Opportunity.opportunity_score).where(*still_open)
    hottest = hottest.order_by(Opportunity.opportunity_score.desc(), Opportunity.id).limit(HOTTEST)
    tasks = select(FollowUp.owner, func.count()).where(FollowUp.closed_at.is_(None), FollowUp.due_at <= at)
    return Figures(
        at=at,
        new=_count(session, present, Opportunity.created_at > since, Opportunity.created_at <= at),
        by_stage=dict(sorted(session.execute(stages).all())),
        leaving=_count(session, *leaving),
        hottest=list(session.execute(hottest).all()),
        tasks=dict(sorted(session.execute(tasks.group_by(FollowUp.owner)).all())),
        pages=_count(session, WebUrl.removed_at.is_(None)),
    )


def reported_since(at: datetime) -> datetime:
    """Where the report of that moment begins: a day before, on Mondays Friday's report."""
    monday = at.astimezone(ZoneInfo(settings().timezone)).weekday() == 0
    return at - (3 * DAY if monday else DAY)


def as_text(found: Figures) -> str:
    """The mail's body."""
    lines = [
        f"Opportunities on {found.at:%A, %d %B %Y, %H:%M} UTC",
        "",
        f"New since the last report: {found.new}",
        f"Travelling within 30 days, still open: {found.leaving}",
        f"Web pages listed: {found.pages}",
        "",
        "By stage:",
        *(f"  {stage}: {count}" for stage, count in found.by_stage.items()),
        "",
        "Follow-ups due, by owner:",
        *(f"  {owner or 'nobody'}: {count}" for owner, count in found.tasks.items()),
        "",
        "Highest scores:",
        *(f"  {score:>5}  {key}  {name}".rstrip() for key, name, score in found.hottest),
    ]
    return "\n".join(lines) + "\n"


def recipients(session: Session) -> list[str]:
    """REPORT_RECIPIENTS, else every admin."""
    listed = [name.strip() for name in settings().report_recipients.split(",") if name.strip()]
    return listed or list(session.scalars(admins()))


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Rows that meet them all; of the table that they name."""
    return session.scalar(select(func.count()).where(*conditions)) or 0
