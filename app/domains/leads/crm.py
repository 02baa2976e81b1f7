"""LeadSquared's opportunities, brought up to date by what has changed since the last page (S4-8)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasGenerator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app import db
from app.domains.leads.source import Page, SourceId, Text, pages, valid
from app.models.opportunity import Opportunity
from app.models.sync_cursor import SyncCursor

SOURCE = "leadsquared"


class Lead(BaseModel):
    """One changed opportunity, in the CRM's camel case."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))

    id: SourceId
    name: Annotated[Text, Field(max_length=500)] = ""
    owner: Annotated[Text, Field(max_length=254)] = ""
    stage: Annotated[Text, Field(min_length=1, max_length=64, pattern="^[A-Z_]+$")]
    travel_date: AwareDatetime | None = None
    next_follow_up_at: AwareDatetime | None = None
    deleted: bool = False
    created_at: AwareDatetime
    changed_at: AwareDatetime


@dataclass(slots=True)
class Synced:
    """What a sync did: opportunities by what became of them; ``stale`` are those of which we know a later state."""

    pages: int = 0
    added: int = 0
    changed: int = 0
    stale: int = 0
    refused: int = 0


class Overtaken(Exception):
    """Another run has moved the cursor: what this one holds is older."""

    def __init__(self) -> None:
        super().__init__("another sync of the CRM is further; this one stops")


def sync_opportunities(url: str, token: str, now: datetime) -> dict[str, int]:
    """Read the changes since the last sync, a transaction a page: the rows, and the cursor that says so.

    So a run that breaks off is gone on with, not begun again. Scores are ours and stay. Raises Overtaken, and what
    ``source.pages`` raises.
    """
    done = Synced()
    with db.session() as session:
        position = _position(session, now)
    for page in pages(f"{url.rstrip('/')}/opportunities", position, token=token):
        with db.session() as session:
            _move(session, position, page.next, now)
            _write(session, page, done)
        position = page.next
        done.pages += 1
    return asdict(done)


def _position(session: Session, now: datetime) -> str:
    row = session.get(SyncCursor, SOURCE)
    if row is None:
        session.add(row := SyncCursor(source=SOURCE, position="", moved_at=now))
    return row.position


def _move(session: Session, seen: str, to: str, now: datetime) -> None:
    """First in its transaction, so that of two runs one waits for the other, and then stops."""
    mine = (SyncCursor.source == SOURCE, SyncCursor.position == seen)
    moved = update(SyncCursor).where(*mine).values(position=to, moved_at=now).returning(SyncCursor.source)
    if session.execute(moved).first() is None:
        raise Overtaken


def _write(session: Session, page: Page, done: Synced) -> None:
    leads, refused = valid(Lead, page.items)
    latest: dict[str, Lead] = {}
    for lead in sorted(leads, key=lambda lead: lead.changed_at):
        latest[lead.id] = lead
    known = {row.id: row for row in session.scalars(select(Opportunity).where(Opportunity.id.in_(latest)))}
    new: list[dict[str, Any]] = []
    for lead in latest.values():
        row = known.get(lead.id)
        if row is None:
            new.append(lead.model_dump())
        elif row.changed_at < lead.changed_at:
            for name, value in lead.model_dump().items():
                setattr(row, name, value)
            done.changed += 1
        else:
            done.stale += 1
    if new:
        session.execute(insert(Opportunity), new)
    done.added += len(new)
    done.refused += refused
