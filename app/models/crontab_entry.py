"""A line of the crontab."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.json_text import JsonText


class CrontabEntry(Base):
    """A schedule and the job whose body it runs. ``version`` rises with every change (R23).

    ``overridden`` names the fields that an operator has changed: the code's later values do not touch them.
    """

    __tablename__ = "crontab_entry"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    schedule: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text)
    job: Mapped[str] = mapped_column(Text)  # the name of a file's job under app/crontab/jobs
    data: Mapped[Any] = mapped_column(JsonText)
    enabled: Mapped[bool] = mapped_column(default=True)
    catch_up: Mapped[str] = mapped_column(String(8))  # skip, one, all
    timeout_s: Mapped[int]
    memory_limit_mb: Mapped[int | None]
    attempts: Mapped[int]
    alert_on_failure: Mapped[bool]
    environments: Mapped[Any] = mapped_column(JsonText)  # names; an empty list is every environment
    source: Mapped[str] = mapped_column(String(8))  # code, api
    overridden: Mapped[Any] = mapped_column(JsonText)
    version: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime | None]
