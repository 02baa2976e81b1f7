"""This process as a new one would be."""

from __future__ import annotations

from app import db
from app.metrics import exposition
from app.metrics.counted import Counted, count_budgets, count_users
from app.settings import settings


def start_afresh() -> None:
    """No settings read, no database open, nothing counted: whoever asks next goes by the environment as it is then."""
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    db.engine.cache_clear()
    settings.cache_clear()
    exposition.PARTS.update(users=Counted(count_users), budgets=Counted(count_budgets))
