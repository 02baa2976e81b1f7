"""A user's seller accounts: where they sell, and the sealed key to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.accounts.errors import AccountNotFound
from app.domains.accounts.marketplaces import marketplace_id
from app.domains.accounts.users import find_user
from app.models.seller_account import SellerAccount
from app.secrets import seal

NO_TOKEN = "no refresh token yet: authorise the account at Amazon"  # noqa: S105 - a reason, not a token


@dataclass(frozen=True, slots=True)
class Seller:
    """What a user says of one account; what is left empty stays as it was."""

    country: str
    region: str
    seller_id: str = ""
    ads_profile_id: str = ""
    refresh_token: str = field(default="", repr=False)


def accounts_of(user_id: str) -> Select[SellerAccount]:
    """The user's accounts, by country."""
    accounts = select(SellerAccount).where(SellerAccount.user_id == user_id)
    return accounts.order_by(SellerAccount.country, SellerAccount.region)


def find_account(session: Session, user_id: str, country: str, region: str) -> SellerAccount:
    """The user's account there, or AccountNotFound."""
    there = (SellerAccount.country == country, SellerAccount.region == region)
    account = session.scalar(accounts_of(user_id).where(*there))
    if account is None:
        raise AccountNotFound(country, region)
    return account


def put_account(session: Session, user_id: str, seller: Seller) -> SellerAccount:
    """Add the account, or bring it up to date. A new refresh token makes it active again.

    Raises UnknownMarketplace for a country that is not in that region.
    """
    marketplace = marketplace_id(seller.country, seller.region)
    try:
        account = find_account(session, user_id, seller.country, seller.region)
    except AccountNotFound:
        account = SellerAccount(
            user_id=user_id,
            country=seller.country,
            region=seller.region,
            marketplace_id=marketplace,
            state="needs_reauthorisation",
            state_reason=NO_TOKEN,
        )
        session.add(account)
    account.seller_id = seller.seller_id or account.seller_id or ""
    account.ads_profile_id = seller.ads_profile_id or account.ads_profile_id or ""
    if seller.refresh_token:
        account.refresh_token = seal(seller.refresh_token)
        account.state, account.state_reason = "active", ""
    session.flush()
    return account


def sync_accounts(session: Session, user_id: str, sellers: Sequence[Seller]) -> Sequence[SellerAccount]:
    """Make the user's accounts exactly these: add, update, and forget those that are not listed.

    Two calls at once for one user follow each other. Raises UserNotFound for one who has been removed.
    """
    find_user(session, user_id, lock=True)
    listed = {put_account(session, user_id, seller).id for seller in sellers}
    for account in session.scalars(accounts_of(user_id)):
        if account.id not in listed:
            session.delete(account)
    session.flush()
    return session.scalars(accounts_of(user_id)).all()
