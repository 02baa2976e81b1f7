"""What the end of a run means for its job: done, failed, again later."""

from __future__ import annotations

import traceback
from typing import Any

from dramatiq.errors import Retry as DramatiqRetry
from dramatiq.middleware import Shutdown, TimeLimitExceeded

from app.broker.errors import Park, Retry, Unrecoverable
from app.broker.interrupts import Cancelled
from app.broker.message import JobMessage
from app.broker.options import backoff_ms
from app.broker.recorder import Claim, End, EndKind, Start

#: A job hash keeps the first part of a stack trace; the record keeps it whole.
MOST_STACK_CHARACTERS = 16_000


def completed(message: JobMessage, result: Any, now_ms: int, *, recorded: bool = False) -> End:
    """The actor returned."""
    return _end(message, EndKind.COMPLETED, now_ms, return_value=result, recorded=recorded)


def skipped(message: JobMessage, reason: BaseException | None, now_ms: int) -> End:
    """A SkipMessage passed: parked, rejected by a middleware, or not to be run."""
    if isinstance(reason, Park):
        due_ms = int(reason.until.timestamp() * 1000)
        return _end(message, EndKind.PARKED, now_ms, reason=reason.reason, due_ms=due_ms)
    if message.cancelled is not None:
        return _end(message, EndKind.FAILED, now_ms, reason=message.cancelled, cancelled=True)
    if message.failed:
        return _end(message, EndKind.FAILED, now_ms, reason=_reason(reason))
    return _end(message, EndKind.COMPLETED, now_ms)


def raised(message: JobMessage, error: BaseException, throws: tuple[type[BaseException], ...], now_ms: int) -> End:
    """The actor raised: another attempt while there are any, unless the error says that none would help."""
    if isinstance(error, Shutdown):
        return _end(message, EndKind.RELEASED, now_ms, reason="the worker is shutting down")
    claim = message.claim
    if isinstance(error, Cancelled):
        return _end(message, EndKind.FAILED, now_ms, reason=message.cancelled or "cancelled", cancelled=True)
    details = {"reason": _reason(error), "stacktrace": _stack(error)}
    if isinstance(error, (Unrecoverable, *throws)) or claim.attempt >= claim.attempts:
        return _end(message, EndKind.FAILED, now_ms, **details)
    delay_ms = _delay_ms(claim, error)
    return _end(message, EndKind.RETRYING, now_ms, due_ms=now_ms + delay_ms, **details)


def refused(claim: Claim, start: Start | None, reason: str, now_ms: int) -> End:
    """A claimed job that must not run: it fails, with the reason."""
    return End(claim, start, EndKind.FAILED, started_ms=now_ms, ended_ms=now_ms, reason=reason)


def postponed(claim: Claim, start: Start | None, reason: str, now_ms: int, delay_ms: int) -> End:
    """A claimed job that cannot run here yet: later, and no attempt is used."""
    due_ms = now_ms + delay_ms
    return End(claim, start, EndKind.PARKED, started_ms=now_ms, ended_ms=now_ms, reason=reason, due_ms=due_ms)


def _delay_ms(claim: Claim, error: BaseException) -> int:
    if isinstance(error, Retry):
        return error.delay_ms
    if isinstance(error, DramatiqRetry) and error.delay is not None:
        return int(error.delay)
    return backoff_ms(claim.opts, claim.attempt)


def _end(message: JobMessage, kind: EndKind, now_ms: int, **details: Any) -> End:
    return End(message.claim, message.start, kind, message.started_ms or now_ms, now_ms, **details)


def _reason(error: BaseException | None) -> str:
    """Never empty: BullMQ tells a failed job by its reason."""
    if isinstance(error, TimeLimitExceeded):
        return "it ran into its time limit"
    return (str(error) or type(error).__name__) if error else "skipped"


def _stack(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[:MOST_STACK_CHARACTERS]
