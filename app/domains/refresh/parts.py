"""What one refresh consists of: a part is one seller account in one cadence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.accounts.sellers import accounts_of
from app.domains.amazon.datasets import DAILY, WEEKLY
from app.domains.cache.keys import EntryKey
from app.domains.profit.money import Money
from app.models.seller_account import SellerAccount
from app.models.unit_cost import UnitCost
from app.models.user import User

Cadence = Literal["daily", "weekly"]
#: What a job may ask for. Source: CONTRACTS C31.
Asked = Literal["daily", "weekly", "both"]


class NothingToRefresh(LookupError):
    """The user, or the account that was named, does not exist: trying again would not help."""


@dataclass(frozen=True, slots=True)
class Part:
    """One account in one cadence: fetched, analysed and marked complete as one."""

    account: SellerAccount
    cadence: Cadence

    @property
    def key(self) -> str:
        """Its name in the job's checkpoint."""
        return f"{self.account.id}/{self.cadence}"

    @property
    def datasets(self) -> tuple[str, ...]:
        """What it is made of."""
        return DAILY if self.cadence == "daily" else WEEKLY

    @property
    def entry(self) -> EntryKey:
        """Its place in the cache."""
        return EntryKey(self.account.user_id, self.account.country, self.account.region, self.cadence)


def accounts_in(user_id: str, country: str | None, region: str | None) -> Select[SellerAccount]:
    """A user's accounts, or those of one country or region, always in the same order."""
    accounts = accounts_of(user_id)
    if country is not None:
        accounts = accounts.where(SellerAccount.country == country)
    if region is not None:
        accounts = accounts.where(SellerAccount.region == region)
    return accounts


def parts_of(session: Session, user_id: str, asked: Asked, country: str | None, region: str | None) -> list[Part]:
    """What to refresh; raises NothingToRefresh for an unknown user or account. A user may have no account yet."""
    user = session.get(User, user_id)
    if user is None or user.removed_at is not None:
        raise NothingToRefresh(f"no user {user_id!r}: they were removed, or the id is wrong")
    accounts = session.scalars(accounts_in(user_id, country, region)).all()
    if not accounts and (country or region):
        raise NothingToRefresh(f"user {user_id!r} has no seller account in country {country!r}, region {region!r}")
    cadences: tuple[Cadence, ...] = ("daily", "weekly") if asked == "both" else (asked,)
    return [Part(account, cadence) for account in accounts for cadence in cadences]


def unit_costs_of(session: Session, user_id: str) -> dict[str, Money]:
    """What each SKU costs its seller per unit, as far as they have said so."""
    costs = session.scalars(select(UnitCost).where(UnitCost.user_id == user_id))
    return {cost.sku: Money(cost.amount, cost.currency) for cost in costs}
