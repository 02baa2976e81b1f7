"""Who signs in, and whose data is refreshed."""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utc_now
from app.models.base import Base

ID_LENGTH = 64
_PRESENT = text("removed_at IS NULL")


class Role(StrEnum):
    """What a user may do; each role may do all that those before it may. Source: CONTRACTS C42."""

    USER = "user"  # own things only
    VIEWER = "viewer"  # reads all
    OPERATOR = "operator"  # acts on jobs and queues
    ADMIN = "admin"  # users and settings

    def includes(self, least: Role) -> bool:
        """Whether this role may do what ``least`` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(least)


def new_id() -> str:
    """A short random key: 16 hexadecimal digits, so that a job's data stays below 64 bytes (TRAPS, BullMQ 6)."""
    return secrets.token_hex(8)


class User(Base):
    """A person. A removed one keeps the row, emptied of what is personal, so that their jobs still have an owner."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email", "email", unique=True, sqlite_where=_PRESENT, postgresql_where=_PRESENT),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(
        Enum(Role, native_enum=False, length=16, values_callable=lambda roles: [str(role) for role in roles]),
        default=Role.USER,
    )
    verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    removed_at: Mapped[datetime | None]
