"""How many users each hour and each day has, so that the emptiest is found without counting users."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import CheckConstraint, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

SlotKind = Literal["hour", "day"]


class SlotLoad(Base):
    """One slot of a kind: 24 hours and 7 days, counted in the transaction that assigns or releases them."""

    __tablename__ = "slot_loads"
    __table_args__ = (CheckConstraint("users >= 0", name="users"),)

    kind: Mapped[SlotKind] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    users: Mapped[int] = mapped_column(Integer, default=0)
