"""The lives of users: registration, verification, removal."""

from __future__ import annotations

import re

import structlog
from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domains.accounts.errors import EmailTaken, InvalidEmail, UserNotFound
from app.domains.slots.assign import assign, release
from app.models.publisher_member import PublisherMember
from app.models.seller_account import SellerAccount
from app.models.unit_cost import UnitCost
from app.models.user import Role, User

log = structlog.get_logger(__name__)

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[a-z0-9.-]{1,180}\.[a-z0-9-]{2,}")


def normal_email(text: str) -> str:
    """The address in lower case, without spaces around it; InvalidEmail if it cannot be one."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise InvalidEmail(text)
    return email


def present_users() -> Select[User]:
    """Users who have not been removed, in the order of their ids."""
    return select(User).where(User.removed_at.is_(None)).order_by(User.id)


def find_user(session: Session, user_id: str, *, lock: bool = False) -> User:
    """The user with that id; UserNotFound if there is none, or no longer."""
    found = present_users().where(User.id == user_id)
    user = session.scalar(found.with_for_update() if lock else found)
    if user is None:
        raise UserNotFound(user_id)
    return user


def find_by_email(session: Session, email: str) -> User:
    """The user with that address; UserNotFound if there is none, or no longer."""
    user = session.scalar(present_users().where(User.email == normal_email(email)))
    if user is None:
        raise UserNotFound(email)
    return user


def register(session: Session, email: str, password_hash: str, role: Role = Role.USER) -> User:
    """A new user, not verified yet. Raises EmailTaken or InvalidEmail."""
    user = User(email=normal_email(email), password_hash=password_hash, role=role)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise EmailTaken(user.email) from None
    return user


def verify(session: Session, user_id: str) -> User:
    """Mark the user as verified and give them their slots. Twice is as good as once.

    A failure to schedule does not fail the verification (CONTRACTS S0-4): it is logged, and made good by
    ``slots.assign.assign_missing``.
    """
    user = find_user(session, user_id, lock=True)
    user.verified_at = user.verified_at or utc_now()
    session.flush()
    try:
        with session.begin_nested():
            assign(session, user.id)
    except Exception:
        log.exception("user.not_scheduled", user_id=user_id)
    return user


def remove(session: Session, user_id: str) -> None:
    """Free the user's slots and forget what is personal: address, password, accounts, costs and memberships.

    The row stays, so that past jobs have an owner. Cached data goes when the cache is cleaned.
    """
    user = find_user(session, user_id, lock=True)
    release(session, user.id)
    session.execute(delete(SellerAccount).where(SellerAccount.user_id == user.id))
    session.execute(delete(PublisherMember).where(PublisherMember.user_id == user.id))
    session.execute(delete(UnitCost).where(UnitCost.user_id == user.id))
    user.email = user.password_hash = ""
    user.removed_at = utc_now()
    session.flush()
