"""What each job carries: ids and choices, never secrets. Strict, since anybody may add a job."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from app.clock import EPOCH
from app.jobs.ages import moment
from app.jobs.periods import read_period
from app.mail import is_address
from app.models.publisher import PUBLISHER_ID_LENGTH
from app.models.publisher_metric import MetricType
from app.models.report import ReportType
from app.models.rollup import Granularity

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


class DocumentedPayload(Payload):
    """Data as document 003 has them: names in camelCase, outside; snake_case in Python."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


def _day(said: Any) -> date:
    if isinstance(said, date):
        return said
    if not isinstance(said, str):
        raise ValueError("not a date; write it as '2026-01-31'")
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise ValueError(f"not a date: {said[:32]!r}; write it as '2026-01-31'") from None


Day = Annotated[date, BeforeValidator(_day)]
PublisherId = Annotated[
    str, StringConstraints(min_length=1, max_length=PUBLISHER_ID_LENGTH, pattern=r"^[A-Za-z0-9_-]+$")
]
#: So that a job's statement ends within its time, whoever asks.
MOST_DAYS = {"hour": 400, "day": 4_000, "week": 4_000, "month": 4_000}


class AggregateEvents(DocumentedPayload):
    """Bring a publisher's rollups of these days, both included and in its own zone, up to its events."""

    publisher_id: PublisherId
    start_date: Day
    end_date: Day
    granularity: Granularity

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.end_date < self.start_date:
            raise ValueError(f"endDate {self.end_date} is before startDate {self.start_date}")
        most = MOST_DAYS[self.granularity]
        if self.end_date - self.start_date >= timedelta(days=most):
            raise ValueError(f"by {self.granularity}, at most {most} days at once: ask for less, several times")
        return self


def _period(text: str) -> str:
    read_period(text)
    return text


Period = Annotated[str, StringConstraints(max_length=16), AfterValidator(_period)]


class CalculateMetrics(DocumentedPayload):
    """A publisher's metrics of one period, by its own clock (``periods.read_period``)."""

    publisher_id: PublisherId
    metric_type: MetricType
    period: Period


#: ``kind:part:part``, as the cache has it.
CacheKey = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]


class WarmCache(DocumentedPayload):
    """Keys of answers to be computed anew. ``priority`` is document 003's; the job's own is among its options."""

    cache_keys: Annotated[list[CacheKey], Field(min_length=1, max_length=1_000)]
    priority: Annotated[int, Field(ge=0)] | None = None


def _age(text: str) -> str:
    moment(text, EPOCH)
    return text


CleanupKind = Literal["old_logs", "expired_tokens", "temp_files"]


class CleanUp(DocumentedPayload):
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


#: The id of an export or a report, as it may stand in a path.
ArtifactId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class ExportFilters(DocumentedPayload):
    """Which rows: rollups of one granularity, or the events themselves; and how much each must count."""

    source: Literal["rollups", "events"] = "rollups"
    granularity: Granularity = "day"
    min_impressions: int = Field(0, ge=0, lt=2**63)
    min_clicks: int = Field(0, ge=0, lt=2**63)


class ExportRequest(DocumentedPayload):
    """A publisher's rows of these days, both included and in its own zone."""

    publisher_id: PublisherId
    format: Literal["csv", "json"]
    start_date: Day
    end_date: Day
    filters: ExportFilters = ExportFilters()

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.end_date < self.start_date:
            raise ValueError(f"endDate {self.end_date} is before startDate {self.start_date}")
        return self


class ExportData(ExportRequest):
    """``job_id`` is document 003's ``jobId``: the export's id, not the job's (C28). Without one it is a new export."""

    job_id: ArtifactId | None = None


def _address(said: str) -> str:
    if not is_address(said):
        raise ValueError("not an e-mail address")
    return said


Recipient = Annotated[str, StringConstraints(max_length=254), AfterValidator(_address)]


class ReportRequest(DocumentedPayload):
    """The day, week or month of that date by the publisher's clock. Without ``recipients``: to its members."""

    publisher_id: PublisherId
    report_type: ReportType
    date: Day
    recipients: Annotated[list[Recipient], Field(min_length=1, max_length=20)] | None = None


class GenerateReport(ReportRequest):
    """``job_id`` is the report's id, as an export's."""

    job_id: ArtifactId | None = None


class SyncService(Payload):
    """Fetch the status of one hosting service."""

    service_id: Id


class Nothing(Payload):
    """No data."""
