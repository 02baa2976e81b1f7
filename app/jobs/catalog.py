"""Every job there is: its queue, its data, its limits. A job that is not here is not ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from app.jobs.payloads import (
    AggregateEvents,
    CalculateMetrics,
    CleanUp,
    ExportData,
    GenerateReport,
    Nothing,
    Payload,
    ProcessUserData,
    RetryFailed,
    SendNotification,
    Slot,
    SyncService,
    WarmCache,
)
from app.settings import settings

P = TypeVar("P", bound=Payload)

#: BullMQ's own words: the newest ``count`` at most, none older than ``age`` seconds. Source: CONTRACTS C2.
Keep = Mapping[str, int]
KEEP_COMPLETED: Keep = MappingProxyType({"age": 24 * 3600, "count": 1000})
KEEP_FAILED: Keep = MappingProxyType({"age": 7 * 24 * 3600})

USER_UPDATES = "user-updates"
CRON = "cron"
CRON_JOBS = "cron-jobs"
CLEANUP = "cleanup"
NOTIFICATIONS = "notifications"
ANALYTICS_AGGREGATION = "analytics-aggregation"
METRICS_CALCULATION = "metrics-calculation"
CACHE_WARMING = "cache-warming"
DATA_EXPORT = "data-export"
REPORT_GENERATION = "report-generation"
SERVICE_SYNC = "service-sync"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many jobs start in any window of that length, in all workers together: BullMQ's limiter."""

    jobs: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """``concurrency`` is how many jobs of the queue one worker process holds at once; ``limit`` is set at start."""

    concurrency: int
    limit: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class JobSpec(Generic[P]):
    """A job by name. ``attempts`` counts all runs, the first included; the wait doubles from ``backoff_ms`` (C1).

    ``None`` is the setting: QUEUE_MAX_ATTEMPTS, QUEUE_BACKOFF_DELAY. Jobs that are not ``recorded`` have no row.
    A job that ``takes_any_name`` runs whatever is added to its queue under a name of its own: that is a label (C29).
    An ``internal`` one is added by parts of ours only, never by hand.
    Data are written in the payload's ``version`` and understood from ``oldest_version`` on (``versions.py``).
    """

    name: str
    queue: str
    payload: type[P]
    attempts: int | None = None
    backoff_ms: int | None = None
    timeout_s: int = 600
    keep_completed: Keep = field(default_factory=lambda: KEEP_COMPLETED)
    keep_failed: Keep = field(default_factory=lambda: KEEP_FAILED)
    recorded: bool = True
    takes_any_name: bool = False
    internal: bool = False
    version: int = 1
    oldest_version: int = 1

    @property
    def attempts_allowed(self) -> int:
        """The limit of runs."""
        return settings().queue_max_attempts if self.attempts is None else self.attempts

    @property
    def first_wait_ms(self) -> int:
        """The wait after the first failed run."""
        return settings().backoff_ms if self.backoff_ms is None else self.backoff_ms


#: Refresh one user: 4 runs, waits of 2, 4 and 8 s.
PROCESS_USER_DATA = JobSpec("process_user_data", USER_UPDATES, ProcessUserData, attempts=4, backoff_ms=2_000)

#: Promise and enqueue the users of an hour, or of a day. The producer runs these two, and they add only ids.
PROMISE_DAILY_UPDATES = JobSpec("promise_daily_updates", CRON, Slot, attempts=10, backoff_ms=1_000, internal=True)
PROMISE_WEEKLY_UPDATES = JobSpec("promise_weekly_updates", CRON, Slot, attempts=10, backoff_ms=1_000, internal=True)

#: Add one job of another queue, for a slot of an entry that was made at run time. The producer runs it.
ADD_RECURRING_JOB = JobSpec("add_recurring_job", CRON, Slot, attempts=10, backoff_ms=1_000, internal=True)

#: Run the body of a crontab entry. Its attempts and its time limit are the entry's.
RUN_ENTRY = JobSpec("run_entry", CRON_JOBS, Slot, attempts=1, backoff_ms=2_000, internal=True)

#: A publisher's raw events become rollups (S3-2).
AGGREGATE_EVENTS = JobSpec("aggregate_events", ANALYTICS_AGGREGATION, AggregateEvents, takes_any_name=True)

#: A publisher's performance, revenue or quality in a period (S3-5).
CALCULATE_METRICS = JobSpec("calculate_metrics", METRICS_CALCULATION, CalculateMetrics, takes_any_name=True)

#: Answers that are often asked for are computed before they run out (S3-6).
WARM_CACHE = JobSpec("warm_cache", CACHE_WARMING, WarmCache, takes_any_name=True)

#: A publisher's rows of some days in a file: CSV or JSON (S3-3).
EXPORT_DATA = JobSpec("export_data", DATA_EXPORT, ExportData, timeout_s=3_600, takes_any_name=True)

#: A publisher's day, week or month on a page, mailed (S3-4).
GENERATE_REPORT = JobSpec("generate_report", REPORT_GENERATION, GenerateReport, takes_any_name=True)

#: Remove old logs, expired tokens or temporary files, one kind after the other. Source: document 003.
CLEAN_UP = JobSpec("clean_up", CLEANUP, CleanUp, timeout_s=3_600, takes_any_name=True)

#: Run many failed jobs again, for an operator; beside the crontab's, which is rarely full.
RETRY_FAILED = JobSpec(
    "retry_failed", CRON_JOBS, RetryFailed, attempts=3, backoff_ms=2_000, timeout_s=3_600, internal=True
)

#: Fetch the status of one hosting service: 4 runs, waits of 2, 4 and 8 s; the newest ends stay (C1, C2).
SYNC_SERVICE = JobSpec(
    "sync_service",
    SERVICE_SYNC,
    SyncService,
    attempts=4,
    backoff_ms=2_000,
    timeout_s=120,
    keep_completed={"count": 10},
    keep_failed={"count": 5},
    takes_any_name=True,
)

#: Tell somebody. A channel that is away has 23 hours to come back.
SEND_NOTIFICATION = JobSpec(
    "send_notification", NOTIFICATIONS, SendNotification, attempts=15, backoff_ms=5_000, timeout_s=120, internal=True
)

#: Nothing, where the main work is done: for measuring. Its ends push no other out of the queue's view.
NO_OP = JobSpec("no_op", USER_UPDATES, Nothing, attempts=1, timeout_s=30, keep_completed={"count": 0})

#: A beat is nobody's promise, and a missed one costs nothing: no row, no second attempt.
BEAT = JobSpec(
    "beat",
    CRON,
    Nothing,
    attempts=1,
    keep_completed={"count": 100},
    keep_failed={"count": 100},
    recorded=False,
    internal=True,
)

JOBS: tuple[JobSpec[Any], ...] = (
    PROCESS_USER_DATA,
    PROMISE_DAILY_UPDATES,
    PROMISE_WEEKLY_UPDATES,
    ADD_RECURRING_JOB,
    RUN_ENTRY,
    AGGREGATE_EVENTS,
    CALCULATE_METRICS,
    WARM_CACHE,
    EXPORT_DATA,
    GENERATE_REPORT,
    CLEAN_UP,
    SYNC_SERVICE,
    RETRY_FAILED,
    SEND_NOTIFICATION,
    NO_OP,
    BEAT,
)
SPECS: Mapping[str, JobSpec[Any]] = MappingProxyType({spec.name: spec for spec in JOBS})


def queues() -> list[str]:
    """The names of all queues."""
    return sorted({spec.queue for spec in SPECS.values()})


def default_actors() -> dict[str, str]:
    """By queue, the actor of the jobs whose names are labels."""
    return {spec.queue: spec.name for spec in SPECS.values() if spec.takes_any_name}


def policies() -> dict[str, QueuePolicy]:
    """How the jobs of each queue are taken. Source: CONTRACTS C14, C45, S3-2 to S3-7."""
    return {
        USER_UPDATES: QueuePolicy(settings().worker_concurrency),
        CRON: QueuePolicy(1),
        CRON_JOBS: QueuePolicy(4),
        ANALYTICS_AGGREGATION: QueuePolicy(3, RateLimit(10, within_ms=60_000)),
        METRICS_CALCULATION: QueuePolicy(5),
        CACHE_WARMING: QueuePolicy(3),
        DATA_EXPORT: QueuePolicy(2, RateLimit(20, within_ms=60_000)),
        REPORT_GENERATION: QueuePolicy(2),
        CLEANUP: QueuePolicy(1),
        NOTIFICATIONS: QueuePolicy(2),
        SERVICE_SYNC: QueuePolicy(5),
    }


def concurrency() -> dict[str, int]:
    """How many jobs of each queue one process holds at once."""
    return {queue: policy.concurrency for queue, policy in policies().items()}


def worker_threads() -> int:
    """The threads that one worker program needs: the sum over the queues that it consumes."""
    return sum(held for queue, held in concurrency().items() if queue != CRON)
