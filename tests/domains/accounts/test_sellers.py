"""Seller accounts follow what the user says, and their keys are unreadable at rest."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select

from app import db
from app.domains.accounts.errors import UnknownMarketplace, UserNotFound
from app.domains.accounts.sellers import NO_TOKEN, Seller, accounts_of, put_account, sync_accounts
from app.domains.accounts.users import register, remove
from app.models.seller_account import SellerAccount
from app.secrets import unseal


def new_user() -> str:
    """A registered user's id."""
    with db.session() as session:
        return register(session, "ada@example.com", "hash").id


def test_a_refresh_token_is_sealed_at_rest(database: Engine) -> None:
    """What the table holds is not what Amazon gave."""
    user_id = new_user()

    with db.session() as session:
        put_account(session, user_id, Seller("US", "NA", refresh_token="Atzr|secret"))

    with db.session() as session:
        kept = session.scalars(select(SellerAccount.refresh_token)).one()
    assert "secret" not in kept
    assert unseal(kept) == "Atzr|secret"


def test_an_account_without_a_token_waits_for_its_user(database: Engine) -> None:
    """And becomes active with one, under the same id."""
    user_id = new_user()
    with db.session() as session:
        before = put_account(session, user_id, Seller("US", "NA"))
        assert (before.state, before.state_reason) == ("needs_reauthorisation", NO_TOKEN)

        after = put_account(session, user_id, Seller("US", "NA", refresh_token="Atzr|x"))

        assert (after.id, after.state, after.state_reason) == (before.id, "active", "")


def test_an_account_knows_its_marketplace(sqlite_database: Engine) -> None:
    """From country and region."""
    user_id = new_user()

    with db.session() as session:
        assert put_account(session, user_id, Seller("DE", "EU")).marketplace_id == "A1PA6795UKMFR9"


@pytest.mark.parametrize(("country", "region", "says"), [("US", "EU", "US is in region NA"), ("XX", "NA", "FE: JP")])
def test_a_country_outside_its_region_is_refused(sqlite_database: Engine, country: str, region: str, says: str) -> None:
    """With what would do."""
    user_id = new_user()

    with db.session() as session, pytest.raises(UnknownMarketplace, match=says):
        put_account(session, user_id, Seller(country, region))


def test_a_sync_adds_keeps_and_forgets(database: Engine) -> None:
    """CONTRACTS C40: the list is the truth; what is kept keeps its token."""
    user_id = new_user()
    with db.session() as session:
        put_account(session, user_id, Seller("US", "NA", seller_id="A1", refresh_token="Atzr|us"))
        put_account(session, user_id, Seller("DE", "EU", refresh_token="Atzr|de"))

    with db.session() as session:
        sync_accounts(session, user_id, [Seller("US", "NA"), Seller("JP", "FE")])

    with db.session() as session:
        kept = {account.country: account for account in session.scalars(accounts_of(user_id))}
        assert list(kept) == ["JP", "US"]
        assert (kept["US"].seller_id, unseal(kept["US"].refresh_token)) == ("A1", "Atzr|us")


def test_a_removed_users_accounts_cannot_come_back(database: Engine) -> None:
    """A request that was on its way while its user was removed."""
    user_id = new_user()
    with db.session() as session:
        remove(session, user_id)

    with db.session() as session, pytest.raises(UserNotFound):
        sync_accounts(session, user_id, [Seller("US", "NA")])
