"""Every page stands, empty and full, for every role that may see it."""

from __future__ import annotations

import pytest

from app.models.user import Role
from tests.dashboard.conftest import SignedIn

PAGES = (
    "overview",
    "overview?window=24h",
    "users",
    "users?show=late&dataset=ads",
    "schedule",
    "sessions",
    "workers",
    "audit",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_an_empty_system_says_what_to_do(as_: SignedIn, path: str) -> None:
    """No page needs a first row."""
    shown = as_(Role.ADMIN).text(f"/dashboard/{path}")

    assert "<h1>" in shown
