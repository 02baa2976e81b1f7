"""One part of a refresh, in its own try: fetch, analyse, record, then the cache."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from app.domains.amazon.errors import AccountRevoked
from app.domains.cache.read import fill
from app.domains.cache.store import Entry
from app.domains.profit.analysis import analyse_daily, analyse_weekly
from app.domains.refresh import record
from app.domains.refresh.fetching import DATASETS, discard_staged, fetch_missing
from app.domains.refresh.parts import Part
from app.domains.refresh.run import Run
from app.ledger.effect import step

log = structlog.get_logger(__name__)

#: The failure of a whole part, beside those of its datasets.
ACCOUNT = "account"
_ANALYSE = {"daily": analyse_daily, "weekly": analyse_weekly}


class AnalysisFailed(Exception):
    """The data came, and could not be understood."""

    def __init__(self, cadence: str, cause: Exception) -> None:
        super().__init__(f"{cadence} analysis: {type(cause).__name__}: {cause}")


def refresh_part(run: Run, part: Part) -> datetime | None:
    """Bring one account up to date in one cadence, as far as it can be now.

    Returns when it can go on, or None when this attempt has nothing left to do for it: it is fresh, or it failed and
    the checkpoint says why. Only errors of the ledger leave this function.
    """
    progress = run.checkpoint.part(part.key)
    progress.begin(run.attempt)
    if progress.done or progress.given_up or ACCOUNT in progress.failures:
        return None
    if part.account.state != "active":
        progress.fail(ACCOUNT, part.account.state_reason or "needs re-authorisation", run.attempt, final=True)
        _save(run, part)
        return None

    try:
        fetched = fetch_missing(run, part)
        result = None if fetched.waits or progress.failures else _analyse(run, part, fetched.payloads)
    except AccountRevoked as error:
        _revoke(run, part, str(error))
        return None
    except Exception as error:
        log.exception("refresh.part_failed", part=part.key)
        progress.fail(ACCOUNT, str(error) or type(error).__name__, run.attempt)
        _save(run, part)
        return None
    if result is None:
        _save(run, part)
        return None if progress.given_up else min(fetched.waits, default=None)
    _finish(run, part, result)
    return None


def _analyse(run: Run, part: Part, payloads: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return _ANALYSE[part.cadence](
            payloads, account=part.account.id, marketplace=part.account.marketplace_id, unit_costs=run.unit_costs
        )
    except Exception as error:
        raise AnalysisFailed(part.cadence, error) from error


def _finish(run: Run, part: Part, result: Mapping[str, Any]) -> None:
    """SQL first, in one fenced step; then the cache, which a reader fills when we die in between (RULES R8)."""
    entry = Entry(run.checkpoint.as_of, run.start.run, result)
    progress = run.checkpoint.part(part.key)
    states, progress.states, progress.done = progress.states, {}, True
    with step(run.job, run.checkpoint.dump()) as session:
        newest = record.fresh(session, part, entry, DATASETS[part.cadence], run.now())
    if newest:
        fill(run.cache, part.entry, entry, run.cache_ttl_s)
    discard_staged(run, part, states)


def _revoke(run: Run, part: Part, reason: str) -> None:
    """Mark the account for its user; nothing is tried again."""
    run.checkpoint.part(part.key).fail(ACCOUNT, reason, run.attempt, final=True)
    with step(run.job, run.checkpoint.dump()) as session:
        record.revoked(session, part, reason)
        record.stale(session, part, dict.fromkeys(DATASETS[part.cadence], reason), run.now())


def _save(run: Run, part: Part) -> None:
    """Keep what this run has learnt: states to go on with, and which datasets failed."""
    failures = run.checkpoint.part(part.key).failures
    reasons = {what: failure.reason for what, failure in failures.items() if what in DATASETS[part.cadence]}
    with step(run.job, run.checkpoint.dump()) as session:
        record.stale(session, part, reasons, run.now())
