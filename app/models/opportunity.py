"""A lead with a journey in mind, as the CRM has it; its score is ours (S4-4, S4-8)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import EPOCH
from app.models.base import Base
from app.models.web_url import SOURCE_ID_LENGTH


class Opportunity(Base):
    """``scored_slot`` is the last slot that raised the score: a slot that is not later raises it no more (C36)."""

    __tablename__ = "opportunities"

    id: Mapped[str] = mapped_column(String(SOURCE_ID_LENGTH), primary_key=True)  # the CRM's own
    name: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(String(254), default="")  # who works on it: an address
    stage: Mapped[str] = mapped_column(String(64))  # NEW, CONVERTED, JUNK …
    travel_date: Mapped[datetime | None] = mapped_column(index=True)
    next_follow_up_at: Mapped[datetime | None] = mapped_column(index=True)
    deleted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(index=True)  # at the CRM
    changed_at: Mapped[datetime]  # at the CRM

    opportunity_score: Mapped[int] = mapped_column(default=0)
    scored_slot: Mapped[datetime] = mapped_column(default=EPOCH)
