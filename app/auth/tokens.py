"""Sign-in tokens: JWTs that say who it is, for whom, by whom, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

import jwt

from app.clock import utc_now
from app.models.user import User
from app.secrets import signing_key
from app.settings import settings

ISSUER = "toril"
AUDIENCE = "toril-api"
ALGORITHM = "HS256"
CLAIMS = ("sub", "role", "exp", "iat", "aud", "iss")
LEEWAY_S = 30  # hosts' clocks differ


class Unauthenticated(Exception):
    """Nobody is known by this token."""


def issue(user: User, now: datetime | None = None) -> str:
    """A token for this user, for ``TOKEN_TTL_SECONDS`` from now."""
    now = now or utc_now()
    claims = {
        "sub": user.id,
        "role": user.role,  # for the client to read: the server asks the database
        "iat": now,
        "exp": now + timedelta(seconds=settings().token_ttl_s),
        "aud": AUDIENCE,
        "iss": ISSUER,
    }
    return jwt.encode(claims, signing_key(), ALGORITHM)


def subject(token: str) -> str:
    """The id of the user it was issued to; Unauthenticated if it is not ours, or no longer valid."""
    try:
        claims = jwt.decode(
            token,
            signing_key(),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": list(CLAIMS)},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("the token has expired; sign in again") from None
    except jwt.InvalidTokenError:
        raise Unauthenticated("the token is not valid; sign in again") from None
    return str(claims["sub"])
