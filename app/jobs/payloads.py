"""What each job carries: ids and choices, never secrets. Strict, since anybody may add a job."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Cadence = Literal["daily", "weekly", "both"]
#: An id becomes part of a job id, where a colon would make BullMQ's keys ambiguous.
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^:\x00]+$")]


class Payload(BaseModel):
    """Data of a job: nothing is converted, nothing unknown is accepted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ProcessUserData(Payload):
    """Refresh one user's seller accounts, or those of one country and region. Source: CONTRACTS C31."""

    user_id: Id
    cadence: Cadence = "daily"
    country: str | None = None
    region: str | None = None


class Slot(Payload):
    """One run of a crontab entry. ``slot`` as in its promise key: ``20260101T090000``, UTC; of a manual run its."""

    entry: Id
    slot: Annotated[str, StringConstraints(pattern=r"^\d{8}T\d{6}$")]
    version: int = 1
    manual: bool = False


class Nothing(Payload):
    """No data."""
