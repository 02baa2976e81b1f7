"""How each enqueued user's refresh did, from the ledger, and what it found, from the analyses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import JustifyMethod
from rich.table import Table
from sqlalchemy import Select, select

from app import db
from app.domains.profit.money import round_to_cents
from app.models.account_analysis import AccountAnalysis
from app.models.job_status import JobStatus, Status
from app.models.seller_account import SellerAccount
from app.models.user import User

ENDS = {Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED, Status.REMOVED}


@dataclass(slots=True)
class Outcome:
    """One job; ``due_at`` while it waits. ``net_sales`` and ``profit`` are per currency, over all accounts."""

    user: str
    status: str
    accounts: int
    attempts: int
    duration_ms: int
    error: str = ""
    due_at: datetime | None = None
    net_sales: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    profit: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def ended(self) -> bool:
        """Whether the job will not run again."""
        return self.status in ENDS


def jobs_with_users(job_ids: Sequence[str]) -> Select[JobStatus, str]:
    """The rows of these jobs, and whose they are."""
    return select(JobStatus, User.email).join(User, User.id == JobStatus.user_id).where(JobStatus.job_id.in_(job_ids))


def daily_analyses(user_ids: Sequence[str]) -> Select[str, dict[str, Any]]:
    """The last good daily analysis of each account of these users."""
    return (
        select(SellerAccount.user_id, AccountAnalysis.result)
        .join(SellerAccount, SellerAccount.id == AccountAnalysis.account_id)
        .where(SellerAccount.user_id.in_(user_ids), AccountAnalysis.cadence == "daily")
    )


def outcomes(job_ids: Sequence[str]) -> list[Outcome]:
    """How these jobs stand now, in the order of their users' addresses."""
    with db.reading() as session:
        rows = session.execute(jobs_with_users(job_ids)).all()
        by_user = {job.user_id: _outcome(job, email) for job, email in rows if job.user_id is not None}
        for user_id, result in session.execute(daily_analyses(list(by_user))):
            _add(by_user[user_id], result)
    return sorted(by_user.values(), key=lambda outcome: outcome.user)


def waiting(found: Sequence[Outcome]) -> str:
    """How many wait for a moment, as for a budget of Amazon's, and when the first may go on; empty for none."""
    due = [outcome.due_at for outcome in found if outcome.due_at]
    return f"{len(due)} waiting, the first until {min(due):%H:%M:%S} UTC" if due else ""


def table(found: Sequence[Outcome]) -> Table:
    """What `toril run` shows at the end."""
    shown = Table(title="Refreshed users, the last 30 days")
    for heading in ("User", "Accounts", "Status", "Attempts", "Duration", "Net sales", "Profit"):
        justify: JustifyMethod = "left" if heading in {"User", "Status"} else "right"
        shown.add_column(heading, justify=justify, no_wrap=heading != "Status")
    for outcome in found:
        shown.add_row(
            outcome.user,
            str(outcome.accounts),
            outcome.status if not outcome.error else f"{outcome.status}: {outcome.error}",
            str(outcome.attempts),
            f"{outcome.duration_ms / 1000:.1f} s",
            _money(outcome.net_sales),
            _money(outcome.profit),
        )
    return shown


def _outcome(job: JobStatus, email: str) -> Outcome:
    return Outcome(
        email,
        job.status,
        job.accounts_processed or 0,
        job.attempts_made,
        job.duration_ms or 0,
        job.error or "",
        job.due_at if job.status == Status.DELAYED else None,
    )


def _add(outcome: Outcome, result: Mapping[str, Any]) -> None:
    for total in (result.get("profitability") or {}).get("totals", ()):
        outcome.net_sales[total["currency"]] += Decimal(total["net_sales"])
        if total["profit"] is not None:  # unknown to a seller whose ads cannot be had
            outcome.profit[total["currency"]] += Decimal(total["profit"])


def _money(amounts: Mapping[str, Decimal]) -> str:
    return "\n".join(
        f"{round_to_cents(amount, currency):,f} {currency}" for currency, amount in sorted(amounts.items())
    )
