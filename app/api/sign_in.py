"""/auth: a token for an e-mail address and a password."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field

from app import db
from app.api.input import Body, read_body
from app.api.replies import Reply, ok
from app.auth.passwords import LONGEST, NOBODY, fits
from app.auth.tokens import Unauthenticated, issue
from app.domains.accounts.errors import InvalidEmail, UserNotFound
from app.domains.accounts.users import find_by_email
from app.models.user import User
from app.settings import settings

bp = Blueprint("sign_in", __name__, url_prefix="/auth")


class Credentials(Body):
    """Who, and the proof."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=LONGEST, repr=False)


@bp.post("/token")
def sign_in() -> Reply:
    """A token for the user with this password; the same 401 for a wrong password and an unknown address."""
    credentials = read_body(Credentials)
    user = _with_address(credentials.email)
    if not fits(credentials.password, user.password_hash if user else NOBODY) or user is None:
        raise Unauthenticated("e-mail or password is wrong")
    return ok({"token": issue(user), "tokenType": "Bearer", "expiresIn": settings().token_ttl_s, "role": user.role})


def _with_address(email: str) -> User | None:
    try:
        with db.reading() as session:
            return find_by_email(session, email)
    except (UserNotFound, InvalidEmail):
        return None
