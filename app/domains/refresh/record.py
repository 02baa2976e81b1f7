"""What a refresh writes in SQL. The caller owns the transaction, which is fenced by the job's run (RULES R7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domains.cache.store import Entry
from app.domains.refresh.parts import Cadence, Part
from app.domains.refresh.sections import completed
from app.models.account_analysis import AccountAnalysis
from app.models.dataset_update import DatasetUpdate
from app.models.job_status import JobStatus
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount


def fresh(session: Session, part: Part, entry: Entry, failed: Mapping[str, str], now: datetime) -> Entry | None:
    """Keep a part's analysis; the sections that it lacks, for want of what ``failed``, stay as they were last good.

    The time of the account's last good update moves only if nothing failed. Returns what is kept; None, with nothing
    changed but why what failed did, when a newer analysis got there first.
    """
    stale(session, part, failed, now)
    kept = session.get(AccountAnalysis, (part.account.id, part.cadence))
    if kept is not None and (kept.as_of, kept.run) > (entry.as_of, entry.run):
        return None
    result = completed(entry.result, {} if kept is None else kept.result, entry.as_of)
    row = kept or AccountAnalysis(account_id=part.account.id, cadence=part.cadence)
    row.as_of, row.run, row.result = entry.as_of, entry.run, result
    session.add(row)
    came = {dataset: "" for dataset in part.datasets if dataset not in failed}
    _note(session, part, came, {"status": "ok", "good_at": entry.as_of, "tried_at": now})
    if not failed:
        account = session.get_one(SellerAccount, part.account.id)
        setattr(account, f"last_{part.cadence}_update", entry.as_of)
    return replace(entry, result=result)


def stale(session: Session, part: Part, reasons: Mapping[str, str], now: datetime) -> None:
    """These datasets failed; when they were last good stays."""
    _lock(session, part)
    _note(session, part, reasons, {"status": "failed", "tried_at": now})


def revoked(session: Session, part: Part, reason: str) -> None:
    """The seller must authorise us again, and will read why."""
    account = session.get_one(SellerAccount, part.account.id)
    account.state, account.state_reason = "needs_reauthorisation", reason


def user_is_as_fresh_as_their_stalest_account(session: Session, user_id: str, cadence: Cadence) -> None:
    """Move the user's time of the last good update: the oldest of their active accounts', if all have one."""
    moment = getattr(SellerAccount, f"last_{cadence}_update")
    active = (SellerAccount.user_id == user_id, SellerAccount.state == "active")
    accounts, updated, oldest = session.execute(
        select(func.count(), func.count(moment), func.min(moment)).where(*active)
    ).one()
    schedule = session.get(UserUpdateSchedule, user_id)
    if schedule is not None and accounts and accounts == updated:
        setattr(schedule, f"last_{cadence}_update", oldest)


def nothing_left_to_go_on_with(session: Session, row: int) -> None:
    """The job ends: whoever retries it by hand wants everything again, as of then."""
    session.execute(update(JobStatus).where(JobStatus.id == row).values(checkpoint=None))


def _lock(session: Session, part: Part) -> None:
    """One writer an account at a time: what is read here and written again cannot have changed in between."""
    session.execute(select(SellerAccount.id).where(SellerAccount.id == part.account.id).with_for_update())


def _note(session: Session, part: Part, reasons: Mapping[str, str], outcome: Mapping[str, Any]) -> None:
    """How the last try of each of these datasets went, and why."""
    updates = session.scalars(select(DatasetUpdate).where(DatasetUpdate.account_id == part.account.id))
    known = {update.dataset: update for update in updates}
    for dataset, reason in reasons.items():
        noted = known.get(dataset) or DatasetUpdate(account_id=part.account.id, dataset=dataset)
        noted.reason = reason
        for name, value in outcome.items():
            setattr(noted, name, value)
        session.add(noted)
