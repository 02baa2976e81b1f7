"""The last good analysis of each seller account: what the cache is a copy of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class AccountAnalysis(Base):
    """One row an account and cadence, replaced only by a newer one and only together with the run that made it."""

    __tablename__ = "account_analyses"

    account_id: Mapped[str] = mapped_column(ForeignKey("seller_accounts.id", ondelete="CASCADE"), primary_key=True)
    cadence: Mapped[str] = mapped_column(String(8), primary_key=True)  # "daily", "weekly"
    as_of: Mapped[datetime]  # when its data was asked for
    run: Mapped[int] = mapped_column(BigInteger)  # the ledger's number of the run that made it
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
