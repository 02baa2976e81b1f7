"""Whether somebody is who they say, by their address and password."""

from __future__ import annotations

from app import db
from app.auth.passwords import NOBODY, fits
from app.auth.tokens import Unauthenticated
from app.domains.accounts.errors import InvalidEmail, UserNotFound
from app.domains.accounts.users import find_by_email
from app.models.user import User


def known_by(email: str, password: str) -> User:
    """The user with this password; the same Unauthenticated for a wrong password and an unknown address."""
    user = _with_address(email)
    if not fits(password, user.password_hash if user else NOBODY) or user is None:
        raise Unauthenticated("e-mail or password is wrong")
    return user


def _with_address(email: str) -> User | None:
    try:
        with db.reading() as session:
            return find_by_email(session, email)
    except (UserNotFound, InvalidEmail):
        return None
