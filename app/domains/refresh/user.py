"""One user's refresh: every account in its own try, then one end for the job (CONTRACTS S2-1, C31 to C33)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from redis.exceptions import RedisError

from app import db
from app.broker.connection import connect
from app.broker.current import current_job
from app.broker.errors import JobNotFound, Park, Unrecoverable
from app.clock import utc_now
from app.domains.amazon.errors import Wait
from app.domains.profit.money import Money
from app.domains.refresh import outcome, record
from app.domains.refresh.checkpoint import Checkpoint
from app.domains.refresh.fetching import AWAY
from app.domains.refresh.outcome import RefreshIncomplete, RefreshResult
from app.domains.refresh.part import refresh_part
from app.domains.refresh.parts import Asked, NothingToRefresh, Part, parts_of, unit_costs_of
from app.domains.refresh.run import Run
from app.ledger.effect import effect, step
from app.ledger.errors import unavailable_when_operational
from app.settings import settings

log = structlog.get_logger(__name__)

#: How long a refresh waits for the cache's Redis before it looks again.
AWAY_FOR = timedelta(seconds=5)


def refresh_user(
    user_id: str,
    cadence: Asked = "daily",
    *,
    country: str | None = None,
    region: str | None = None,
    now: Callable[[], datetime] = utc_now,
) -> RefreshResult:
    """Refresh one user's seller accounts, or those of one country or region, inside a job that the ledger keeps.

    Raises Park until the earliest moment at which a waiting account can go on, or for a moment while the cache's Redis
    is away; RecorderUnavailable while the database is; RefreshIncomplete when a later attempt may help; Unrecoverable
    when none can and no account is fresh.
    """
    parts, unit_costs = _look_up(user_id, cadence, country, region)
    run = _begin(unit_costs, now)
    try:
        waits = _refresh_all(run, parts)
    except AWAY as error:
        raise Park(run.now() + AWAY_FOR, f"the cache's Redis cannot be used: {error}") from error
    if waits:
        first = min(waits, key=Wait.moment)
        waiting = f"{len(waits)} of {len(parts)} wait for Amazon"
        raise Park(first.until, f"{waiting}, first for {first.operation} ({first.why})")
    return _end(run, user_id, parts)


def _look_up(
    user_id: str, cadence: Asked, country: str | None, region: str | None
) -> tuple[list[Part], dict[str, Money]]:
    try:
        with unavailable_when_operational(), db.reading() as session:
            return parts_of(session, user_id, cadence, country, region), unit_costs_of(session, user_id)
    except NothingToRefresh as error:
        raise Unrecoverable(str(error)) from error


def _begin(unit_costs: Mapping[str, Money], now: Callable[[], datetime]) -> Run:
    job = current_job()
    if job.start is None:
        raise LookupError("a refresh needs a ledger: without a run's number nothing it writes could be fenced")
    return Run(
        job=job,
        start=job.start,
        checkpoint=Checkpoint.load(job.start.checkpoint, now()),
        unit_costs=unit_costs,
        cache=connect(settings().cache_redis_url),
        cache_ttl_s=settings().cache_ttl_s,
        now=now,
    )


def _refresh_all(run: Run, parts: Sequence[Part]) -> list[Wait]:
    """One part after the other, with progress in percent after each; returns what the waiting ones wait for."""
    waits = []
    for number, part in enumerate(parts, start=1):
        wait = refresh_part(run, part)
        if wait is not None:
            waits.append(wait)
        _tell_progress(run, round(100 * number / len(parts)))
    return waits


def _tell_progress(run: Run, percent: int) -> None:
    """News, not work: a queue that cannot take it now, or has lost the job, is no reason to stop."""
    try:
        run.job.update_progress(percent)
    except (RedisError, JobNotFound) as error:
        log.warning("refresh.progress_not_told", job_id=run.job.id, reason=str(error))


def _end(run: Run, user_id: str, parts: Sequence[Part]) -> RefreshResult:
    """Nothing waits: every part is done, or has failed in this attempt."""
    found = outcome.results(run.checkpoint, parts)
    accounts = outcome.accounts(found)
    status = outcome.status(found)
    if any(run.may_retry(run.checkpoint.part(part.key)) for part in parts):
        with step(run.job, run.checkpoint.dump(), accounts):
            pass  # what stands so far; an error inside the block would roll it back
        raise RefreshIncomplete(outcome.summary(found))

    result: RefreshResult = {"status": status, "accounts": found}
    with effect(run.job) as end:
        end.status, end.accounts, end.return_value = status, accounts, result
        end.error = outcome.summary(found) if accounts.errors else None
        record.nothing_left_to_go_on_with(end.session, run.start.row)
        for cadence in dict.fromkeys(part.cadence for part in parts):
            record.user_is_as_fresh_as_their_stalest_account(end.session, user_id, cadence)
    if status == "failed":
        raise Unrecoverable(outcome.summary(found))
    return result
