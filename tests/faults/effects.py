"""What this suite's jobs do: a row each, in the transaction that ends the job; no key would hide a second one."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text, insert, select
from sqlalchemy.orm import Session

from app.broker.current import RunningJob

EFFECTS = Table("fault_effects", MetaData(), Column("job_id", Text), Column("run", BigInteger))


def create(engine: Engine) -> None:
    """The table of effects."""
    EFFECTS.create(engine)


def leave(session: Session, job: RunningJob) -> None:
    """The effect of this run."""
    session.execute(insert(EFFECTS).values(job_id=job.id, run=job.start.run if job.start else 0))


def count(engine: Engine) -> Counter[str]:
    """How many effects each job has had."""
    with engine.connect() as connection:
        return Counter(connection.scalars(select(EFFECTS.c.job_id)))
