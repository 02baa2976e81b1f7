"""A server to talk to, a line to it, time that is told, and Amazon's own models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from redis import Redis

from app.clock import to_ms
from app.domains.amazon.budget import Budget
from app.domains.amazon.client import Amazon
from app.domains.amazon.endpoints import Application, Endpoints
from app.domains.amazon.seller import Seller
from app.secrets import SecretUnreadable
from tests.domains.amazon.served import TOKEN_PATH, Served, serve

SELLER = Seller("account-1", "A1SELLER", "na", "US", "ATVPDKIKX0DER", "profile-1", "Atzr|refresh-secret")
APPLICATION = Application("our-id", "our-secret", "our-ads-id", "our-ads-secret")


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def ms(self) -> int:
        """The same, as Redis would say it."""
        return to_ms(self.now)

    def pass_s(self, seconds: float) -> None:
        """Let so many seconds go by."""
        self.now += timedelta(seconds=seconds)


class FernetCipher:
    """Real encryption with a key of its own."""

    def __init__(self) -> None:
        self._key = Fernet(Fernet.generate_key())

    def seal(self, text: str) -> str:
        """Encrypted, as text."""
        return self._key.encrypt(text.encode()).decode()

    def unseal(self, token: str) -> str:
        """What was sealed."""
        try:
            return self._key.decrypt(token).decode()
        except InvalidToken:
            raise SecretUnreadable from None


@pytest.fixture
def clock() -> Clock:
    """Noon of a spring day, until it is moved."""
    return Clock()


@pytest.fixture
def served() -> Iterator[Served]:
    """An HTTP server on loopback that gives out tokens; the test teaches it the rest."""
    with serve(Served()) as server:
        yield server


@pytest.fixture
def cipher() -> FernetCipher:
    """One key for the whole test."""
    return FernetCipher()


@pytest.fixture
def endpoints(served: Served) -> Endpoints:
    """Everything at that server."""
    return Endpoints(f"{served.url}{TOKEN_PATH}", f"{served.url}/sp", f"{served.url}/ads")


Line = Callable[..., Amazon]


@pytest.fixture
def line(redis: Redis, endpoints: Endpoints, clock: Clock, cipher: FernetCipher) -> Line:
    """A client of that server: ``line(country="JP", holder="job-1")`` changes its seller and its holder."""

    def open_line(holder: str = "", **seller: Any) -> Amazon:
        return Amazon(
            replace(SELLER, **seller),
            redis=redis,
            cipher=cipher,
            endpoints=endpoints,
            application=APPLICATION,
            holder=holder,
            budget=Budget(redis, clock.ms),
            now=clock,
        )

    return open_line


@pytest.fixture(scope="session")
def amazon_models() -> Path:
    """The folder of Amazon's own models and examples."""
    named = os.environ.get("AMAZON_MODELS")
    if not named:
        pytest.skip("AMAZON_MODELS is not set: it names the folder of Amazon's API models")
    folder = Path(named)
    assert (folder / "sp-api/models").is_dir(), f"AMAZON_MODELS={named} has no sp-api/models"
    return folder
