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
    """How one account did in one cadence: all fresh, fresh but for some datasets, or nothing new.

    ``reason`` is empty for an ok one.
    """

    account: str
    country: str
    region: str
    cadence: str
    status: Literal["ok", "partial", "failed"]
    reason: str


class RefreshResult(TypedDict):
    """The job's return value."""

    status: Literal["completed", "partial", "failed"]
    accounts: list[PartResult]


def results(checkpoint: Checkpoint, parts: Sequence[Part]) -> list[PartResult]:
    """Each part's, in order."""
    return [_result(checkpoint, part) for part in parts]


def status(found: Sequence[PartResult]) -> Literal["completed", "partial", "failed"]:
    """Completed if all are ok (also when there is nothing to refresh), failed if all are."""
    if all(result["status"] == "ok" for result in found):
        return "completed"
    return "failed" if all(result["status"] == "failed" for result in found) else "partial"


def accounts(found: Sequence[PartResult]) -> Accounts:
    """For the ledger's row. An account is processed unless it failed as a whole; ``errors`` says what each lacks."""
    errors: dict[str, str] = {}
    for result in _wanting(found):
        earlier = errors.get(result["account"])
        errors[result["account"]] = f"{earlier}; {result['reason']}" if earlier else result["reason"]
    every = {result["account"] for result in found}
    failed = {result["account"] for result in found if result["status"] == "failed"}
    return Accounts(total=len(every), processed=len(every - failed), errors=errors)


def summary(found: Sequence[PartResult]) -> str:
    """One line for the job's error: which accounts, and why."""
    wanting = _wanting(found)
    reasons = (f"{result['country']}/{result['region']} {result['cadence']}: {result['reason']}" for result in wanting)
    return f"{len(wanting)} of {len(found)} not fresh: {'; '.join(reasons)}"


def _wanting(found: Sequence[PartResult]) -> list[PartResult]:
    return [result for result in found if result["status"] != "ok"]


def _result(checkpoint: Checkpoint, part: Part) -> PartResult:
    progress = checkpoint.part(part.key)
    return {
        "account": part.account.id,
        "country": part.account.country,
        "region": part.account.region,
        "cadence": part.cadence,
        "status": "failed" if not progress.done else "partial" if progress.failures else "ok",
        "reason": progress.reason,
    }
