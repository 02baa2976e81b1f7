"""One part of a refresh, in its own try: fetch, analyse, record, then the cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from app.domains.amazon.errors import AccountRevoked, Wait
from app.domains.cache.read import fill
from app.domains.cache.store import Entry
from app.domains.profit.analysis import analyse_daily, analyse_weekly
from app.domains.refresh import record, sections
from app.domains.refresh.fetching import AWAY, discard_staged, fetch_missing
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


def refresh_part(run: Run, part: Part) -> Wait | None:
    """Bring one account up to date in one cadence, as far as it can be now.

    Returns what it waits for first, or None when this attempt has nothing left to do for it: it is done, or it failed
    and the checkpoint says why. It is done with what came, once nothing waits and no later attempt may bring the rest.
    Only errors of our own parts leave this function: the ledger's, and those in ``AWAY``.
    """
    progress = run.checkpoint.part(part.key)
    if progress.done:
        return None
    progress.begin(run.attempt)
    if ACCOUNT in progress.failures:
        return None
    if part.account.state != "active":
        progress.give_up(ACCOUNT, part.account.state_reason or "needs re-authorisation", run.attempt)
        _save(run, part)
        return None

    try:
        fetched = fetch_missing(run, part)
        more_may_come = fetched.waits or run.may_retry(progress)
        result = {} if more_may_come else _analyse(run, part, fetched.payloads)
    except AccountRevoked as error:
        _revoke(run, part, str(error))
        return None
    except AWAY:
        _save(run, part)
        raise
    except Exception as error:
        log.exception("refresh.part_failed", part=part.key)
        progress.fail(ACCOUNT, str(error) or type(error).__name__, run.attempt)
        _save(run, part)
        return None
    if sections.has_news(result):
        _finish(run, part, result)
    else:
        _save(run, part)
    return min(fetched.waits, key=Wait.moment, default=None)


def _analyse(run: Run, part: Part, payloads: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of what came; a dataset that cannot be had is None, one that may come another day is not there."""
    failures = run.checkpoint.part(part.key).failures
    refused = {dataset: None for dataset, failure in failures.items() if failure.final}
    try:
        return _ANALYSE[part.cadence](
            {**payloads, **refused},
            account=part.account.id,
            marketplace=part.account.marketplace_id,
            unit_costs=run.unit_costs,
        )
    except Exception as error:
        raise AnalysisFailed(part.cadence, error) from error


def _finish(run: Run, part: Part, result: Mapping[str, Any]) -> None:
    """SQL first, in one fenced step; then the cache, which a reader fills when we die in between (RULES R8)."""
    progress = run.checkpoint.part(part.key)
    states, progress.states, progress.done = progress.states, {}, True
    with step(run.job, run.checkpoint.dump()) as session:
        entry = Entry(run.checkpoint.as_of, run.start.run, result)
        kept = record.fresh(session, part, entry, _reasons(run, part), run.now())
    if kept is not None:
        fill(run.cache, part.entry, kept, run.cache_ttl_s)
    discard_staged(run, states)


def _revoke(run: Run, part: Part, reason: str) -> None:
    """Mark the account for its user; nothing is tried again."""
    run.checkpoint.part(part.key).give_up(ACCOUNT, reason, run.attempt)
    with step(run.job, run.checkpoint.dump()) as session:
        record.revoked(session, part, reason)
        record.stale(session, part, dict.fromkeys(part.datasets, reason), run.now())


def _save(run: Run, part: Part) -> None:
    """Keep what this run has learnt: states to go on with, and which datasets failed."""
    with step(run.job, run.checkpoint.dump()) as session:
        record.stale(session, part, _reasons(run, part), run.now())


def _reasons(run: Run, part: Part) -> dict[str, str]:
    """Why each of the datasets that failed did."""
    failures = run.checkpoint.part(part.key).failures
    return {dataset: failures[dataset].reason for dataset in part.datasets if dataset in failures}
