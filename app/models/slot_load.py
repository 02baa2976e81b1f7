"""How many users each hour and each day has, and each minute of it, so that the emptiest is found without counting."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import CheckConstraint, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.json_text import JsonText

SlotKind = Literal["hour", "day"]


class SlotLoad(Base):
    """One slot of a kind: 24 hours and 7 days, counted in the transaction that assigns, moves or releases users.

    ``minutes`` are the users of each of its minutes, 60 or 1,440 numbers; ``users`` is their sum.
    """

    __tablename__ = "slot_loads"
    __table_args__ = (CheckConstraint("users >= 0", name="users"),)

    kind: Mapped[SlotKind] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    users: Mapped[int] = mapped_column(Integer, default=0)
    minutes: Mapped[list[int]] = mapped_column(JsonText)
