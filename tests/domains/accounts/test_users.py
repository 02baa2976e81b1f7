"""Users come, are verified, and leave nothing personal behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import Engine, select, text

from app import db
from app.domains.accounts.errors import EmailTaken, InvalidEmail, UserNotFound
from app.domains.accounts.sellers import Seller, put_account
from app.domains.accounts.users import find_by_email, find_user, register, remove, verify
from app.domains.slots.assign import assign_missing
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount
from app.models.slot_load import SlotLoad
from app.models.unit_cost import UnitCost
from app.models.user import User


def test_a_registered_user_has_no_slot_before_verification(database: Engine) -> None:
    """Document 000: slots are assigned when a user verifies their account."""
    with db.session() as session:
        user = register(session, " Ada@Example.com", "hash")

        assert (user.email, user.verified_at) == ("ada@example.com", None)
        assert session.get(UserUpdateSchedule, user.id) is None


def test_verification_gives_an_hour_and_a_day(database: Engine) -> None:
    """And a second verification changes neither them nor its time."""
    with db.session() as session:
        user = register(session, "ada@example.com", "hash")
        verified_at = verify(session, user.id).verified_at

        again = verify(session, user.id)

        schedule = session.get_one(UserUpdateSchedule, user.id)
        assert (schedule.daily_update_hour, schedule.weekly_update_day) == (0, 0)
        assert again.verified_at == verified_at


def test_verification_survives_a_failure_to_schedule(database: Engine) -> None:
    """CONTRACTS S0-4, with the counters' table really gone; the schedule is made good later."""
    with db.session() as session:
        user = register(session, "ada@example.com", "hash")
        session.execute(text("ALTER TABLE slot_loads RENAME TO hidden"))

        verify(session, user.id)

    with db.session() as session:
        assert find_user(session, user.id).verified_at is not None
        session.execute(text("ALTER TABLE hidden RENAME TO slot_loads"))
        assert assign_missing(session) == 1


def test_an_address_belongs_to_one_user(database: Engine) -> None:
    """Also when two register it at the same moment."""

    def take(_: int) -> str:
        try:
            with db.session() as session:
                return register(session, "ada@example.com", "hash").email
        except EmailTaken as taken:
            return str(taken)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(take, range(4)))

    assert sorted(answers) == ["'ada@example.com' is taken by another user"] * 3 + ["ada@example.com"]


@pytest.mark.parametrize("address", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\x00"])
def test_what_is_no_address_is_refused(sqlite_database: Engine, address: str) -> None:
    """With what was given in the message."""
    with db.session() as session, pytest.raises(InvalidEmail, match="is not an e-mail address"):
        register(session, address, "hash")


def test_removal_frees_the_slots_and_forgets_what_is_personal(database: Engine) -> None:
    """Only the id stays, with the time of leaving."""
    with db.session() as session:
        user_id = register(session, "ada@example.com", "hash").id
        verify(session, user_id)
        put_account(session, user_id, Seller("US", "NA", refresh_token="Atzr|x"))
        session.add(UnitCost(user_id=user_id, sku="A", amount=Decimal("1.05"), currency="USD"))

    with db.session() as session:
        remove(session, user_id)

    with db.session() as session:
        left = session.get_one(User, user_id)
        assert (left.email, left.password_hash) == ("", "")
        assert left.removed_at is not None
        assert not any(session.scalars(select(table)).all() for table in (UserUpdateSchedule, SellerAccount, UnitCost))
        assert sum(session.scalars(select(SlotLoad.users))) == 0


def test_a_removed_user_is_not_found_and_their_address_is_free(database: Engine) -> None:
    """They can register again, as somebody else."""
    with db.session() as session:
        first = register(session, "ada@example.com", "hash")
        remove(session, first.id)

        second = register(session, "ada@example.com", "hash")

        assert find_by_email(session, "ada@example.com").id == second.id
        for act in (find_user, verify, remove):
            with pytest.raises(UserNotFound):
                act(session, first.id)
