"""Empty tables for a ledger: every run begins with them, as it begins with an empty Redis."""

from __future__ import annotations

from sqlalchemy import Engine

from app.models.job_status import JobStatus


def empty_tables(engine: Engine) -> None:
    """Make all tables anew."""
    JobStatus.metadata.drop_all(engine)
    JobStatus.metadata.create_all(engine)
    engine.dispose()
