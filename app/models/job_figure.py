"""How the jobs of one name went in one stretch of time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.job_status import KEY_LENGTH
from app.models.json_text import JsonText

Histogram = dict[str, int]


class JobFigure(Base):
    """Jobs that ended from ``at`` on, for ``width_s`` seconds; a width of 0 is for ever, and only grows.

    ``waits`` and ``runs`` count jobs by bucket (``app.ledger.figures.buckets``). How long a job has waited is known of
    those whose first run is.
    """

    __tablename__ = "job_figures"

    width_s: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    queue: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    job: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    completed: Mapped[int] = mapped_column(BigInteger, default=0)
    partial: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(BigInteger, default=0)
    cancelled: Mapped[int] = mapped_column(BigInteger, default=0)
    crashes: Mapped[int] = mapped_column(BigInteger, default=0)
    wait_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    run_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    waits: Mapped[Histogram] = mapped_column(JsonText, default=dict)
    runs: Mapped[Histogram] = mapped_column(JsonText, default=dict)
