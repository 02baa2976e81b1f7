"""A ledger on the test's database."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.ledger.recorder import Ledger


@pytest.fixture
def ledger(database: Engine) -> Ledger:
    """On both kinds of database, one after the other."""
    return Ledger()
