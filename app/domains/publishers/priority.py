"""A premium publisher's jobs come first, of those that are scheduled or added over the API (S3-F1, C20)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domains.publishers.accounts import find_publisher
from app.models.publisher import Publisher

#: What the others stand behind: BullMQ's priorities go from 0, the soonest, to 2,097,152.
OFFSET = 1_000_000


def priority_of(session: Session, publisher_id: str, asked: int = 0) -> int:
    """The priority under which to add a job of that publisher; ``asked`` orders those of its own kind.

    Whoever adds a publisher's job asks here, so that the order holds in the queue itself. Raises PublisherNotFound.
    """
    return place(find_publisher(session, publisher_id), asked)


def place(publisher: Publisher, asked: int = 0) -> int:
    """The same of a publisher that is known already."""
    within = min(asked, OFFSET - 1)
    return within if publisher.is_premium else OFFSET + within
