"""No token but one of ours opens anything, on any route (faults 24)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient
from sqlalchemy import update

from app import db
from app.api.openapi import operations
from app.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, issue
from app.clock import utc_now
from app.models.user import Role, User
from app.secrets import signing_key
from app.settings import settings
from tests.api.conftest import Called

ANOTHER = "another key, as long as a key of ours has to be"


def claims(**changed: Any) -> dict[str, Any]:
    """Those of a good token of an administrator, but for what is changed; None leaves one out."""
    now = utc_now()
    good = {"sub": "admin", "role": "admin", "iat": now, "exp": now + timedelta(hours=1)}
    every = {**good, "aud": AUDIENCE, "iss": ISSUER, **changed}
    return {name: value for name, value in every.items() if value is not None}


def signed(key: Any = None, algorithm: str = ALGORITHM, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    """With our own key unless another is given."""
    return jwt.encode(claims(**changed), signing_key() if key is None else key, algorithm, headers=headers)


def part(value: Any) -> str:
    """JSON as a part of a token."""
    text = json.dumps(value, default=lambda at: int(at.timestamp()))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def ours(payload: Any = None, **header: Any) -> str:
    """Made by hand with our own key."""
    return by_hand({"alg": "HS256", **header}, payload, signing_key().encode())


def by_hand(header: dict[str, Any], payload: Any = None, key: bytes | None = None) -> str:
    """What no library would make."""
    text = f"{part(header)}.{part(claims() if payload is None else payload)}"
    mac = b"" if key is None else hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def spliced() -> str:
    """An administrator's claims under the signature of another token."""
    header, _, signature = signed(role="user", sub="somebody").split(".")
    return f"{header}.{part(claims())}.{signature}"


def changed_byte() -> str:
    """One bit of the signature."""
    head, _, signature = signed().rpartition(".")
    return f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.fixture(autouse=True)
def own_key(machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signing key that is long enough for every algorithm."""
    monkeypatch.setenv("SECRET_KEY", "long enough for every algorithm " * 2)
    settings.cache_clear()


RSA = rsa.generate_private_key(65537, 2048)
NOW = utc_now

#: The whole header's value.
ATTACKS: dict[str, Callable[[], str]] = {
    "none": lambda: f"Bearer {by_hand({'alg': 'none', 'typ': 'JWT'})}",
    "None": lambda: f"Bearer {by_hand({'alg': 'None'})}",
    "NONE": lambda: f"Bearer {by_hand({'alg': 'NONE'})}",
    "nOnE": lambda: f"Bearer {by_hand({'alg': 'nOnE'})}",
    "no algorithm": lambda: f"Bearer {by_hand({'typ': 'JWT'})}",
    "no algorithm, null": lambda: f"Bearer {by_hand({'alg': None})}",
    "algorithms in a list": lambda: f"Bearer {ours(alg=['HS256'])}",
    "none, signed by us": lambda: f"Bearer {ours(alg='none')}",
    "unsigned HS256": lambda: f"Bearer {by_hand({'alg': 'HS256'})}",
    "HS256 with no key": lambda: f"Bearer {by_hand({'alg': 'HS256'}, key=b'')}",
    "HS256 with a NUL for a key": lambda: f"Bearer {by_hand({'alg': 'HS256'}, key=bytes(1))}",
    "HS384": lambda: f"Bearer {signed(algorithm='HS384')}",
    "HS512": lambda: f"Bearer {signed(algorithm='HS512')}",
    "RS256": lambda: f"Bearer {signed(RSA, 'RS256')}",
    "another key": lambda: f"Bearer {signed(ANOTHER)}",
    "key by kid": lambda: f"Bearer {signed(ANOTHER, headers={'kid': '../../../../dev/null'})}",
    "key by kid, SQL": lambda: f"Bearer {signed(ANOTHER, headers={'kid': chr(39) + ' UNION SELECT 1 --'})}",
    "key by jku": lambda: f"Bearer {signed(ANOTHER, headers={'jku': 'http://127.0.0.1/keys'})}",
    "key by x5u": lambda: f"Bearer {signed(ANOTHER, headers={'x5u': 'http://127.0.0.1/cert'})}",
    "key brought along": lambda: f"Bearer {signed(ANOTHER, headers={'jwk': {'kty': 'oct', 'k': 'YQ'}})}",
    "critical header": lambda: f"Bearer {ours(crit=['exp2'], exp2=1)}",
    "signature of another": lambda: f"Bearer {spliced()}",
    "signature changed": lambda: f"Bearer {changed_byte()}",
    "signature cut": lambda: f"Bearer {signed()[:-4]}",
    "signature left out": lambda: f"Bearer {signed().rpartition('.')[0]}.",
    "two parts": lambda: f"Bearer {signed().rpartition('.')[0]}",
    "four parts": lambda: f"Bearer {signed()}.{part({})}",
    "five parts, as encrypted": lambda: f"Bearer {part({'alg': 'dir', 'enc': 'A256GCM'})}....",
    "expired": lambda: f"Bearer {signed(exp=NOW() - timedelta(minutes=2), iat=NOW() - timedelta(hours=2))}",
    "never expires": lambda: f"Bearer {signed(exp=None)}",
    "expires in words": lambda: f"Bearer {signed(exp='never')}",
    "expires at infinity": lambda: f"Bearer {ours(claims(exp=float('inf')))}",
    "not yet": lambda: f"Bearer {signed(nbf=NOW() + timedelta(hours=1))}",
    "from the future": lambda: f"Bearer {signed(iat=NOW() + timedelta(hours=1))}",
    "for another audience": lambda: f"Bearer {signed(aud='another')}",
    "for no audience": lambda: f"Bearer {signed(aud=None)}",
    "by another issuer": lambda: f"Bearer {signed(iss='another')}",
    "by no issuer": lambda: f"Bearer {signed(iss=None)}",
    "of nobody": lambda: f"Bearer {signed(sub=None)}",
    "of nobody known": lambda: f"Bearer {signed(sub='nobody')}",
    "of a number": lambda: f"Bearer {ours(claims(sub=1))}",
    "of a query": lambda: f"Bearer {signed(sub=chr(39) + ' OR 1=1 --')}",
    "of a NUL": lambda: f"Bearer {signed(sub=chr(0))}",
    "claims are a list": lambda: f"Bearer {ours([1])}",
    "for a form": lambda: f"Bearer {hmac.new(signing_key().encode(), b'form x', hashlib.sha256).hexdigest()}",
    "as basic": lambda: f"Basic {base64.b64encode(signed().encode()).decode()}",
    "twice": lambda: f"Bearer {signed(ANOTHER)} {signed(ANOTHER)}",
    "64 KB": lambda: f"Bearer {'A' * 8_000}.{'A' * 8_000}.{'A' * 8_000}",
    "nothing": lambda: "Bearer ",
}


def test_no_forged_token_opens_any_route(client: FlaskClient, as_: Called) -> None:
    """Every attack on every route: 401 each time, and never anything else."""
    as_(Role.ADMIN)
    headers = {name: {"Authorization": attack()} for name, attack in ATTACKS.items()}
    closed = [
        (method, re.sub("<[^>]+>", "7", rule.rule))
        for rule, method, contract in operations(client.application)
        if contract.role
    ]

    accepted = [
        (name, method, path, status)
        for name, header in headers.items()
        for method, path in closed
        if (status := client.open(path, method=method, headers=header).status_code) != 401
    ]

    assert accepted == []
    assert len(ATTACKS) >= 30
    assert len(closed) > 50


@pytest.mark.parametrize("place", ["query_string", "json", "data"])
def test_a_token_is_taken_from_the_header_only(client: FlaskClient, as_: Called, place: str) -> None:
    """A URL is written to logs, and a form can come from another site."""
    token = as_(Role.ADMIN).token
    sent: dict[str, Any] = {place: {"access_token": token, "token": token}}

    reply = client.open("/app/users", method="POST", **sent)

    assert reply.status_code == 401


def test_a_role_is_what_the_database_says_now(client: FlaskClient, as_: Called) -> None:
    """Not what the token said when it was issued."""
    admin = as_(Role.ADMIN)
    with db.session() as session:
        session.execute(update(User).where(User.id == admin.id).values(role=Role.USER))

    assert admin.get("/app/users").status_code == 403


def test_a_good_token_opens(client: FlaskClient, as_: Called) -> None:
    """Else the attacks would prove nothing."""
    admin = as_(Role.ADMIN)

    ours = client.get("/app/users", headers={"Authorization": f"Bearer {signed(sub=admin.id)}"})

    assert ours.status_code == 200
    assert issue(User(id=admin.id, role=Role.ADMIN)).count(".") == 2
