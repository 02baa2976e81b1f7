"""The web pages that the source lists: the table becomes its list (S4-3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session

from app import db
from app.domains.leads.source import Page, SourceFailed, SourceId, Text, pages, valid
from app.models.web_url import WebUrl


def _callable(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("not http or https")
    return url


class Listed(BaseModel):
    """One item of the list."""

    id: SourceId
    url: Annotated[Text, Field(max_length=2_048), AfterValidator(_callable)]
    destination: Annotated[Text, Field(max_length=500)]
    title: Annotated[Text, Field(max_length=500)] = ""


@dataclass(slots=True)
class Synced:
    """What a sync did: items by what became of them."""

    pages: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    refused: int = 0


def sync_web_urls(url: str, slot: datetime, now: datetime) -> dict[str, int]:
    """Read the whole list, a transaction a page; then mark as removed what this slot's list did not hold.

    A run that breaks off removes nothing, and the next one writes the same again. Raises SourceFailed for an empty
    list where there was a full one: more likely the source's mistake than its wish.
    """
    done = Synced()
    for page in pages(url):
        with db.session() as session:
            _write(session, page, slot, now, done)
        done.pages += 1
    with db.session() as session:
        if not done.added + done.changed + done.unchanged and session.scalar(_standing()):
            raise SourceFailed(f"{url} lists nothing any more; nothing was removed")
        gone = update(WebUrl).where(WebUrl.listed_slot < slot, WebUrl.removed_at.is_(None))
        done.removed = len(session.scalars(gone.values(removed_at=now).returning(WebUrl.id)).all())
    return asdict(done)


def _write(session: Session, page: Page, slot: datetime, now: datetime, done: Synced) -> None:
    listed, refused = valid(Listed, page.items)
    items = {item.id: item for item in listed}
    known = {row.id: row for row in session.scalars(select(WebUrl).where(WebUrl.id.in_(items)))}
    for item in items.values():
        row = known.get(item.id)
        if row is None:
            done.added += 1
        elif (row.url, row.destination, row.title, row.removed_at) != (item.url, item.destination, item.title, None):
            row.url, row.destination, row.title = item.url, item.destination, item.title
            row.removed_at, row.changed_at = None, now
            done.changed += 1
        else:
            done.unchanged += 1
    new = [item.model_dump() for item in items.values() if item.id not in known]
    if new:
        session.execute(insert(WebUrl), [{**one, "listed_slot": slot, "changed_at": now} for one in new])
    # An older slot's run that is still under way must not make a row look forgotten.
    session.flush()
    later = (WebUrl.id.in_(known), WebUrl.listed_slot < slot)
    session.execute(
        update(WebUrl).where(*later).values(listed_slot=slot), execution_options={"synchronize_session": False}
    )
    done.refused += refused


def _standing() -> Select[int]:
    """How many pages the table holds that have not been removed."""
    return select(func.count()).select_from(WebUrl).where(WebUrl.removed_at.is_(None))
