"""Whether somebody is who they say, by their address and password."""

from __future__ import annotations

from app import db
from app.auth import attempts
from app.auth.passwords import NOBODY, fits
from app.auth.tokens import Unauthenticated
from app.domains.accounts.errors import InvalidEmail, UserNotFound
from app.domains.accounts.users import find_by_email
from app.models.user import User


def known_by(email: str, password: str) -> User:
    """The user with this password; the same Unauthenticated for a wrong password and an unknown address.

    Raises TooManyAttempts after ten wrong ones, for known and unknown addresses alike.
    """
    attempts.refuse_after_many(email)
    user = _with_address(email)
    if not fits(password, user.password_hash if user else NOBODY) or user is None:
        attempts.count_wrong(email)
        raise Unauthenticated("e-mail or password is wrong")
    attempts.forget(email)
    return user


def _with_address(email: str) -> User | None:
    try:
        with db.reading() as session:
            return find_by_email(session, email)
    except (UserNotFound, InvalidEmail):
        return None
