"""Which database errors mean "not now"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.broker.recorder import RecorderUnavailable

#: PostgreSQL's word for a server that takes no writes: a failover has made it a standby, or it was set so.
READ_ONLY = "25006"


def is_operational(error: Exception) -> bool:
    """Whether it may succeed later: the server is away or takes no writes, is locked, or chose a deadlock's victim."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) == READ_ONLY
    )


@contextmanager
def unavailable_when_operational() -> Iterator[None]:
    """Operational errors of the database become RecorderUnavailable; all others pass."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not is_operational(error):
            raise
        raise RecorderUnavailable(f"the ledger's database cannot be used now: {error}") from error
