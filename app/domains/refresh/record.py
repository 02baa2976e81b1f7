"""What a refresh writes in SQL. The caller owns the transaction, which is fenced by the job's run (RULES R7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.domains.cache.store import Entry
from app.domains.refresh.parts import Cadence, Part
from app.models.account_analysis import AccountAnalysis
from app.models.dataset_update import DatasetUpdate
from app.models.job_status import JobStatus
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount


def fresh(session: Session, part: Part, entry: Entry, datasets: Sequence[str], now: datetime) -> bool:
    """The part is complete: keep its analysis, and move the times of its last good update.

    Returns False, and keeps what stands, when a newer analysis got there first.
    """
    kept = _keep(session, part, entry)
    for dataset in datasets:
        _note(session, part, dataset, {"status": "ok", "reason": "", "good_at": entry.as_of, "tried_at": now})
    account = session.get_one(SellerAccount, part.account.id)
    column = f"last_{part.cadence}_update"
    setattr(account, column, max(entry.as_of, getattr(account, column) or entry.as_of))
    return kept


def stale(session: Session, part: Part, reasons: Mapping[str, str], now: datetime) -> None:
    """These datasets failed; when they were last good stays."""
    for dataset, reason in reasons.items():
        _note(session, part, dataset, {"status": "failed", "reason": reason, "tried_at": now})


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


def _keep(session: Session, part: Part, entry: Entry) -> bool:
    row = {
        "account_id": part.account.id,
        "cadence": part.cadence,
        "as_of": entry.as_of,
        "run": entry.run,
        "result": entry.result,
    }
    insert = _insert(session, AccountAnalysis).values(row)
    new = insert.excluded
    newer = tuple_(AccountAnalysis.as_of, AccountAnalysis.run) <= tuple_(new.as_of, new.run)
    replaced = insert.on_conflict_do_update(
        index_elements=["account_id", "cadence"],
        set_={"as_of": new.as_of, "run": new.run, "result": new.result},
        where=newer,
    )
    return session.execute(replaced.returning(AccountAnalysis.run)).first() is not None


def _note(session: Session, part: Part, dataset: str, outcome: Mapping[str, Any]) -> None:
    insert = _insert(session, DatasetUpdate).values(account_id=part.account.id, dataset=dataset, **outcome)
    session.execute(insert.on_conflict_do_update(index_elements=["account_id", "dataset"], set_=dict(outcome)))


def _insert(session: Session, model: Any) -> Any:
    """Both databases have ON CONFLICT, each in a dialect of its own."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(model)
