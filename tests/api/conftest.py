"""The real application over a real database and a real Redis, and people to call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from app import db
from app.api.application import create_app
from app.auth.passwords import hash_password
from app.auth.tokens import issue
from app.domains.accounts.users import register
from app.models.user import Role, User
from app.settings import settings

PASSWORD = "correct horse battery staple"
HASH = hash_password(PASSWORD)


class Caller:
    """One user with a token."""

    def __init__(self, client: FlaskClient, user: User) -> None:
        self.id = user.id
        self.token = issue(user)
        self._client = client

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET with the token."""
        return self._call("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        """POST with the token."""
        return self._call("POST", path, **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        """PUT with the token."""
        return self._call("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        """PATCH with the token."""
        return self._call("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        """DELETE with the token."""
        return self._call("DELETE", path, **options)

    def _call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._client.open(path, method=method, headers=headers, **options)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Iterator[None]:
    """An environment of its own: keys, Redis."""
    monkeypatch.setenv("TORIL_ENV", "test")
    monkeypatch.setenv("TORIL_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("REDIS_URL", redis_url.rpartition("/")[0])
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def api() -> Flask:
    """The application, which keeps nothing between two tests: to compile its routes takes longer than most of them."""
    return create_app()


@pytest.fixture
def client(api: Flask, machine: None, sqlite_database: Engine) -> Iterator[FlaskClient]:
    """A caller without a token."""
    with api.test_client() as client:
        yield client


Called = Callable[..., Caller]


@pytest.fixture
def as_(client: FlaskClient) -> Called:
    """Makes a new user of that role, signed in."""

    numbers = count(1)

    def signed_in(role: Role = Role.USER, email: str = "") -> Caller:
        with db.session() as session:
            user = register(session, email or f"{role}{next(numbers)}@example.com", HASH, role)
        return Caller(client, user)

    return signed_in
