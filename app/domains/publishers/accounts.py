"""Publishers and the users they belong to."""

from __future__ import annotations

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domains.publishers.errors import PublisherExists, PublisherNotFound
from app.models.publisher import Publisher
from app.models.publisher_member import PublisherMember


def all_publishers() -> Select[Publisher]:
    """In the order of their ids."""
    return select(Publisher).order_by(Publisher.id)


def publishers_of(user_id: str) -> Select[Publisher]:
    """Those that the user is a member of."""
    mine = select(PublisherMember.publisher_id).where(PublisherMember.user_id == user_id)
    return all_publishers().where(Publisher.id.in_(mine))


def find_publisher(session: Session, publisher_id: str, *, lock: bool = False) -> Publisher:
    """The publisher with that id. Raises PublisherNotFound."""
    found = session.get(Publisher, publisher_id, with_for_update={"key_share": True} if lock else None)
    if found is None:
        raise PublisherNotFound(publisher_id)
    return found


def create(session: Session, publisher: Publisher) -> Publisher:
    """Add it. Raises PublisherExists."""
    try:
        with session.begin_nested():
            session.add(publisher)
    except IntegrityError:
        raise PublisherExists(publisher.id) from None
    return publisher


def is_member(session: Session, publisher_id: str, user_id: str) -> bool:
    """Whether the publisher belongs to the user."""
    return session.get(PublisherMember, (publisher_id, user_id)) is not None


def members(publisher_id: str) -> Select[str]:
    """The ids of the users it belongs to."""
    of_publisher = PublisherMember.publisher_id == publisher_id
    return select(PublisherMember.user_id).where(of_publisher).order_by(PublisherMember.user_id)


def add_member(session: Session, publisher_id: str, user_id: str) -> None:
    """Twice is as good as once."""
    if not is_member(session, publisher_id, user_id):
        session.add(PublisherMember(publisher_id=publisher_id, user_id=user_id))
        session.flush()


def remove_member(session: Session, publisher_id: str, user_id: str) -> None:
    """Twice is as good as once."""
    named = (PublisherMember.publisher_id == publisher_id, PublisherMember.user_id == user_id)
    session.execute(delete(PublisherMember).where(*named))
