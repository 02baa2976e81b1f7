"""How a refresh ends: completed, partial or failed (CONTRACTS C33)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from app.domains.refresh.checkpoint import Checkpoint
from app.domains.refresh.parts import Part
from app.ledger.effect import Accounts


class RefreshIncomplete(Exception):
    """Some accounts are not fresh yet: the job runs again for those alone while attempts are left."""


class PartResult(TypedDict):
    """How one account did in one cadence; ``reason`` is empty for a fresh one."""

    account: str
    country: str
    region: str
    cadence: str
    fresh: bool
    reason: str


class RefreshResult(TypedDict):
    """The job's return value."""

    status: Literal["completed", "partial", "failed"]
    accounts: list[PartResult]


def results(checkpoint: Checkpoint, parts: Sequence[Part]) -> list[PartResult]:
    """Each part's, in order."""
    return [_result(checkpoint, part) for part in parts]


def status(found: Sequence[PartResult]) -> Literal["completed", "partial", "failed"]:
    """Completed if all are fresh (also when there is nothing to refresh), failed if none is."""
    if all(result["fresh"] for result in found):
        return "completed"
    return "partial" if any(result["fresh"] for result in found) else "failed"


def accounts(found: Sequence[PartResult]) -> Accounts:
    """For the ledger's row: an account counts as processed when it is fresh in everything that was asked."""
    stale = [result for result in found if not result["fresh"]]
    errors: dict[str, str] = {}
    for result in stale:
        earlier = errors.get(result["account"])
        errors[result["account"]] = f"{earlier}; {result['reason']}" if earlier else result["reason"]
    every = {result["account"] for result in found}
    return Accounts(total=len(every), processed=len(every - errors.keys()), errors=errors)


def summary(found: Sequence[PartResult]) -> str:
    """One line for the job's error: which accounts, and why."""
    stale = [result for result in found if not result["fresh"]]
    reasons = (f"{result['country']}/{result['region']} {result['cadence']}: {result['reason']}" for result in stale)
    return f"{len(stale)} of {len(found)} not fresh: {'; '.join(reasons)}"


def _result(checkpoint: Checkpoint, part: Part) -> PartResult:
    progress = checkpoint.part(part.key)
    return {
        "account": part.account.id,
        "country": part.account.country,
        "region": part.account.region,
        "cadence": part.cadence,
        "fresh": progress.done,
        "reason": "" if progress.done else progress.reason,
    }
