"""A token is good for one user, for one hour, signed by us, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest

from app.auth.passwords import NOBODY, fits, hash_password
from app.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, Unauthenticated, issue, subject
from app.clock import utc_now
from app.models.user import Role, User
from app.secrets import signing_key
from app.settings import settings

ADA = User(id="ada", email="ada@example.com", password_hash="-", role=Role.USER)


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A signing key of this test's own."""
    monkeypatch.setenv("SECRET_KEY", "long enough for every algorithm " * 2)
    settings.cache_clear()
    yield
    settings.cache_clear()


def forged(key: str | None = None, algorithm: str = ALGORITHM, drop: str = "", **changed: Any) -> str:
    """A token that is good but for one thing."""
    now = utc_now()
    claims: dict[str, Any] = {
        "sub": "ada",
        "role": "user",
        "iat": now,
        "exp": now + timedelta(hours=1),
        "aud": AUDIENCE,
        "iss": ISSUER,
        **changed,
    }
    claims.pop(drop, None)
    return jwt.encode(claims, signing_key() if key is None else key, algorithm)


def test_a_token_names_its_user() -> None:
    """For as long as it lives."""
    token = issue(ADA)

    assert subject(token) == "ada"


def test_a_token_lives_for_its_time_and_no_longer() -> None:
    """But for the thirty seconds by which clocks differ."""
    lived = timedelta(seconds=settings().token_ttl_s)

    assert subject(issue(ADA, utc_now() - lived + timedelta(minutes=1))) == "ada"
    with pytest.raises(Unauthenticated, match="has expired"):
        subject(issue(ADA, utc_now() - lived - timedelta(minutes=1)))


@pytest.mark.parametrize("claim", ["sub", "role", "exp", "iat", "aud", "iss"])
def test_a_token_without_one_of_its_claims_is_refused(claim: str) -> None:
    """PyJWT asks for none of them by itself."""
    with pytest.raises(Unauthenticated):
        subject(forged(drop=claim))


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda: forged(key="another key, as long as a key has to be"), id="another key"),
        pytest.param(lambda: forged(key="", algorithm="none"), id="no signature"),
        pytest.param(lambda: forged(algorithm="HS512"), id="another algorithm"),
        pytest.param(lambda: forged(aud="another"), id="for somebody else"),
        pytest.param(lambda: forged(aud=[]), id="for nobody"),
        pytest.param(lambda: forged(iss="another"), id="by somebody else"),
        pytest.param(lambda: forged(iat=utc_now() + timedelta(hours=1)), id="from the future"),
        pytest.param(lambda: forged(nbf=utc_now() + timedelta(minutes=30)), id="not yet"),
        pytest.param(lambda: forged(sub=7), id="a number for a user"),
        pytest.param(lambda: forged(exp="soon"), id="no time"),
        pytest.param(lambda: forged()[:-2], id="cut"),
        pytest.param(lambda: "a.b.c", id="no token"),
        pytest.param(lambda: "", id="nothing"),
        pytest.param(lambda: "\u00e9.\u00e9.\u00e9", id="not even ASCII"),
    ],
)
def test_a_token_that_is_not_ours_is_refused(token: Any) -> None:
    """Each is good but for one thing."""
    made = token()

    with pytest.raises(Unauthenticated):
        subject(made)


def test_only_the_password_fits() -> None:
    """Neither another one, nor anything for what is no hash."""
    kept = hash_password("correct horse")

    assert fits("correct horse", kept)
    assert not fits("battery staple", kept)
    assert not fits("", "")
    assert not fits("nobody", NOBODY)
    assert kept.startswith("$argon2id$")
