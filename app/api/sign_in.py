"""/auth: a token for an e-mail address and a password."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field

from app.api.input import Body, read_body
from app.api.replies import Reply, ok
from app.auth.credentials import known_by
from app.auth.passwords import LONGEST
from app.auth.tokens import issue
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
    user = known_by(credentials.email, credentials.password)
    return ok({"token": issue(user), "tokenType": "Bearer", "expiresIn": settings().token_ttl_s, "role": user.role})
