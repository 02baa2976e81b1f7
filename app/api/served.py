"""Which publishers a caller is served: their own, and an operator all (CONTRACTS C39)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.auth.guard import current_user
from app.domains.publishers.accounts import find_publisher, is_member
from app.domains.publishers.errors import PublisherNotFound
from app.models.publisher import Publisher
from app.models.user import Role


def is_served(session: Session, publisher_id: str) -> bool:
    """Whether the caller may see it, and ask for something on its behalf."""
    user = current_user()
    return user.role.includes(Role.OPERATOR) or is_member(session, publisher_id, user.id)


def publisher_to_serve(session: Session, publisher_id: str) -> Publisher:
    """The publisher, if it is. Raises PublisherNotFound."""
    if not is_served(session, publisher_id):
        raise PublisherNotFound(publisher_id)
    return find_publisher(session, publisher_id)
