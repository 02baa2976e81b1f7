"""The fields of an entry, for the code, the API and the table alike; an error names its field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.crontab.cron import check
from app.crontab.slots import CatchUp
from app.settings import settings

Environment = Literal["development", "test", "staging", "production"]


def _followed(schedule: str) -> str:
    check(schedule)
    return " ".join(schedule.split())


def _found(zone: str) -> str:
    try:
        datetime.now(UTC).astimezone(ZoneInfo(zone))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"no time zone named {zone!r}; use a name such as 'Europe/Madrid'") from error
    return zone


#: Part of job ids and promise keys, so without a colon.
EntryId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Schedule = Annotated[str, AfterValidator(_followed)]


class Fields(BaseModel):
    """What an entry says of its runs. The timeout is of the whole run; a memory limit is what a run may add."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title
    schedule: Schedule
    timezone: Annotated[str, AfterValidator(_found)] = Field(default_factory=lambda: settings().timezone)
    data: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    catch_up: CatchUp = "one"
    timeout_s: int = Field(30, ge=1, le=24 * 3600)
    memory_limit_mb: int | None = Field(512, ge=1)
    attempts: int = Field(1, ge=1, le=100)
    alert_on_failure: bool = True
    environments: list[Environment] = Field(default_factory=list)
