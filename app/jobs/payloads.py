"""What each job carries: ids and choices, never secrets. Strict, since anybody may add a job."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from app.clock import EPOCH
from app.jobs.ages import moment

Cadence = Literal["daily", "weekly", "both"]
#: An id becomes part of a job id, where a colon would make BullMQ's keys ambiguous.
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^:\x00]+$")]


class Payload(BaseModel):
    """Data of a job: nothing is converted, nothing unknown is accepted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Documented(Payload):
    """Data of document 003, whose names are in camelCase; a validated field may also be named as here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


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


def _age(text: str) -> str:
    moment(text, EPOCH)
    return text


CleanupKind = Literal["old_logs", "expired_tokens", "temp_files"]


class CleanUp(Documented):
    """What is to go (S3-7), and how old it must be: an age or a date (``ages.moment``). A dry run only tells."""

    kind: CleanupKind = Field(alias="type")
    older_than: Annotated[str, StringConstraints(max_length=40), AfterValidator(_age)] | None = None
    dry_run: bool = False


class RetryFailed(Payload):
    """What had failed before that moment (ms since the epoch): with one error, by its signature, or in one queue."""

    group: str | None = None
    queue: str | None = None
    before_ms: int


class SendNotification(Payload):
    """One message by one channel: ids, since a channel's address is a secret."""

    notification: Id
    channel: Id


class Nothing(Payload):
    """No data."""
