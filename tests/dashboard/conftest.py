"""The application with its dashboard over a real database and a real Redis, and browsers to sign in with."""

from __future__ import annotations

import re
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
from app.dashboard.site import add_to
from app.domains.accounts.users import register
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import HASH, PASSWORD
from tests.crontab import conftest as crontab

TOKEN = re.compile(r'name="csrf" value="(\w+)"')


class Browser:
    """Keeps cookies, and sends a form with the token of the page that it was on."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.id = ""
        self.token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        """Load a page."""
        page = self.client.get(path, **options)
        if found := TOKEN.search(page.get_data(as_text=True)):
            self.token = found[1]
        return page

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form of the page that was loaded last."""
        return self.client.post(path, data={"csrf": self.token, **fields})

    def text(self, path: str) -> str:
        """A page that is there."""
        page = self.get(path)
        assert page.status_code == 200, (path, page.status_code)
        return page.get_data(as_text=True)


@pytest.fixture(scope="session")
def whole() -> Flask:
    """The application, which keeps nothing between two tests: its routes and templates are compiled once."""
    return add_to(create_app())


@pytest.fixture
def app(
    whole: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str, sqlite_database: Engine
) -> Iterator[Flask]:
    """The whole application, in an environment of its own."""
    monkeypatch.setenv("TORIL_ENV", "test")
    monkeypatch.setenv("TORIL_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("REDIS_URL", redis_url.rpartition("/")[0])
    settings.cache_clear()
    yield whole
    settings.cache_clear()


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Nobody is signed in."""
    return Browser(app)


SignedIn = Callable[..., Browser]


@pytest.fixture
def as_(app: Flask) -> SignedIn:
    """A browser in which a new user of that role has signed in."""
    numbers = count(1)

    def signed_in(role: Role = Role.OPERATOR, email: str = "") -> Browser:
        email = email or f"{role}{next(numbers)}@example.com"
        with db.session() as session:
            user = register(session, email, HASH, role)
        browser = Browser(app)
        browser.get("/dashboard/sign-in")
        assert browser.post("/dashboard/sign-in", email=email, password=PASSWORD).status_code == 303
        browser.id = user.id
        return browser

    return signed_in


write_job = crontab.write_job
