"""Who is told how the system does."""

from __future__ import annotations

from sqlalchemy import Select, select

from app.models.user import Role, User


def admins() -> Select[str]:
    """Addresses of those who may do everything."""
    present = (User.role == Role.ADMIN, User.removed_at.is_(None))
    return select(User.email).where(*present).order_by(User.email)
