"""What an operator does to a queue or a job, on the audit trail: who, what, why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app import db
from app.auth.guard import current_user
from app.clock import utc_now
from app.ledger import audit


@contextmanager
def act(action: str, target: str, *, why: str | None, details: Any = None) -> Iterator[None]:
    """Around an act that has transactions of its own: it stands on the trail before it is done.

    So nothing is done without a trace; an act that was refused or failed has a second line that says so.
    """
    _record(action, target, why, details)
    try:
        yield
    except Exception as error:
        _record("act.failed", target, why, {"action": action, "error": str(error)})
        raise


def _record(action: str, target: str, why: str | None, details: Any) -> None:
    with db.session() as session:
        audit.record(session, current_user().id, action, target, at=utc_now(), why=why, details=details)
