"""Who stands behind an id, for pages on which people act."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.user import User


def names_of(session: Session, ids: Iterable[str | None]) -> dict[str, str]:
    """The addresses of those ids that are present users'; others are parts of ours, or removed."""
    asked = {one for one in ids if one}
    present = select(User.id, User.email).where(User.id.in_(asked), User.removed_at.is_(None))
    return dict(session.execute(present).all()) if asked else {}
