"""/auth: a token for an e-mail address and a password."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from app.api.input import Body, read_body
from app.api.replies import Answer, ok
from app.auth.credentials import known_by
from app.auth.passwords import LONGEST
from app.auth.tokens import issue
from app.models.user import Role
from app.settings import settings

bp = Blueprint("sign_in", __name__, url_prefix="/auth")


class Credentials(Body):
    """Who, and the proof."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=LONGEST, repr=False)


class Token(TypedDict):
    """What opens the other routes, for ``expiresIn`` seconds."""

    token: str
    tokenType: Literal["Bearer"]
    expiresIn: int
    role: Role


@bp.post("/token")
def sign_in() -> Answer[Token]:
    """A token for the user with this password; the same 401 for a wrong password and an unknown address."""
    credentials = read_body(Credentials)
    user = known_by(credentials.email, credentials.password)
    return ok({"token": issue(user), "tokenType": "Bearer", "expiresIn": settings().token_ttl_s, "role": user.role})
