"""What a call to Amazon can end in, besides an answer: a wait, a revoked account, or an error."""

from __future__ import annotations

from datetime import datetime


class Wait(Exception):
    """Not an error: the same call will do from ``until`` (aware UTC) on. Park the job; it uses no attempt."""

    def __init__(self, until: datetime, operation: str, why: str) -> None:
        super().__init__(f"{operation}: {why}, until {until.isoformat(timespec='milliseconds')}")
        self.until = until
        self.operation = operation
        self.why = why

    def moment(self) -> datetime:
        """When it is over, to order waits by."""
        return self.until


class BudgetSpent(Wait):
    """The seller's rate for this operation is used up; a call is reserved for the asker at ``until``."""

    def __init__(self, until: datetime, operation: str) -> None:
        super().__init__(until, operation, "budget spent")


class ReportPending(Wait):
    """Amazon is still making the report."""

    def __init__(self, until: datetime, operation: str) -> None:
        super().__init__(until, operation, "report not ready")


class AccountRevoked(Exception):
    """The seller took the authorisation back: only the seller can mend it, so a retry never helps."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the seller must authorise the application again: {reason}")
        self.reason = reason


class AmazonError(Exception):
    """A call failed. ``transient``: the same call may work later. Never holds a token.

    ``status`` is None when no answer came; ``code`` is Amazon's own, or ours where it gave none.
    """

    def __init__(self, operation: str, status: int | None, code: str, message: str, *, transient: bool) -> None:
        answered = f"HTTP {status}" if status is not None else "no answer"
        super().__init__(f"{operation}: {answered}, {code}: {message}")
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.transient = transient
