"""Access tokens from Login with Amazon: one an hour and account, shared by all workers, never readable in Redis."""

from __future__ import annotations

import hashlib
from typing import Protocol

from redis import Redis
from redis.exceptions import LockError

from app.domains.amazon import http
from app.domains.amazon.endpoints import Application, Endpoints
from app.domains.amazon.errors import AccountRevoked, AmazonError
from app.domains.amazon.operations import Api
from app.domains.amazon.seller import Seller
from app.secrets import SecretUnreadable

OPERATION = "refreshToken"
# A token that is about to end would end on its way.
MARGIN_S = 120
# A worker that dies in a fetch leaves its lock. One that is only slow is not alone any more, and both tokens are good.
_LOCK_S = 5
_LOCK_WAIT_S = 30
_REVOKED = {"invalid_grant", "unauthorized_client"}


class Cipher(Protocol):
    """Encryption at rest; the module ``app.secrets`` is one."""

    def seal(self, text: str, /) -> str:
        """Encrypted, as text."""

    def unseal(self, token: str, /) -> str:
        """What was sealed; SecretUnreadable if it was not, or its key is gone."""


class Tokens:
    """Access tokens of one application.

    Keys: ``amazon:token:<api>:<account>:<digest of the refresh token>``, encrypted, gone before the token ends, so
    that an account which was authorised again never meets its old token; beside each, for seconds at most, ``:lock``.
    """

    def __init__(self, redis: Redis, cipher: Cipher, endpoints: Endpoints, application: Application) -> None:
        self._redis = redis
        self._cipher = cipher
        self._endpoints = endpoints
        self._application = application

    def access(self, seller: Seller, api: Api, refused: str | None = None) -> str:
        """An access token, fetched if there is none, or if the one there is the ``refused`` one.

        One fetch for however many ask at once: the others wait for it (a token call takes under a second).
        Raises AccountRevoked when the seller must authorise again, AmazonError otherwise.
        """
        refresh_token = _refresh_token(seller, api)
        digest = hashlib.sha256(refresh_token.encode()).hexdigest()[:16]
        key = f"amazon:token:{api}:{seller.account_id}:{digest}"
        token = self._kept(key, refused)
        if token is not None:
            return token
        try:
            with self._redis.lock(
                f"{key}:lock",
                timeout=_LOCK_S,
                blocking_timeout=_LOCK_WAIT_S,
                sleep=0.05,
                raise_on_release_error=False,
            ):
                token = self._kept(key, refused)
                return token if token is not None else self._fetch(key, api, refresh_token)
        except LockError:
            what = f"another worker has been fetching this token for {_LOCK_WAIT_S} s"
            raise AmazonError(OPERATION, None, "TokenLocked", what, transient=True) from None

    def secrets_of(self, seller: Seller, api: Api) -> tuple[str, ...]:
        """What must never show up in a message."""
        return _refresh_token(seller, api), self._application.secret_of(api)

    def _kept(self, key: str, refused: str | None) -> str | None:
        sealed = self._redis.get(key)
        if sealed is None:
            return None
        try:
            token = self._cipher.unseal(str(sealed))
        except SecretUnreadable:
            return None
        return None if token == refused else token

    def _fetch(self, key: str, api: Api, refresh_token: str) -> str:
        answer = http.send(
            OPERATION,
            "POST",
            self._endpoints.lwa(),
            data={
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": self._application.id_of(api),
                "client_secret": self._application.secret_of(api),
            },
        )
        if answer.status != 200:
            raise _failure(answer)
        granted = answer.json()
        try:
            token, expires_in_s = str(granted["access_token"]), int(granted["expires_in"])
        except (KeyError, TypeError, ValueError):
            what = "no access_token and expires_in in it"
            raise AmazonError(OPERATION, answer.status, "MalformedBody", what, transient=True) from None
        self._redis.set(key, self._cipher.seal(token), ex=max(1, expires_in_s - MARGIN_S))
        return token


def _refresh_token(seller: Seller, api: Api) -> str:
    return seller.ads_refresh_token if api == "ads" and seller.ads_refresh_token else seller.refresh_token


def _failure(answer: http.Answer) -> Exception:
    """Amazon's word on it. The description is left out: it may quote what was sent."""
    if answer.status >= 500 or answer.status == 429:
        return AmazonError(OPERATION, answer.status, "Unavailable", "no token given", transient=True)
    body = answer.json()
    code = str(body.get("error", "Unknown")) if isinstance(body, dict) else "Unknown"
    if code in _REVOKED:
        return AccountRevoked(code)
    return AmazonError(OPERATION, answer.status, code, "no token given", transient=False)
