"""What the end of a run means for its job: done, failed, again later."""

from __future__ import annotations

import traceback
from typing import Any

from dramatiq.errors import RateLimitExceeded, Retry
from dramatiq.middleware import Shutdown, TimeLimitExceeded

from app.broker.errors import Park, RateLimited
from app.broker.interrupts import Cancelled
from app.broker.message import JobMessage
from app.broker.options import Backoffs, backoff_ms
from app.broker.recorder import Claim, End, EndKind, RecorderUnavailable, Start

#: A job hash keeps the first part of a stack trace; the record keeps it whole.
MOST_STACK_CHARACTERS = 16_000
#: What an actor raises without having failed: it runs again, and uses no attempt.
PUT_OFF = (Shutdown, RateLimitExceeded)
#: How long a job that ran into one of Dramatiq's rate limiters waits, unless it has a backoff.
LIMITED_MS = 1_000
#: How long a job waits whose effect found the record away: no fault of its own, so no attempt either.
RECORD_AWAY_MS = 1_000


def completed(message: JobMessage, result: Any, now_ms: int, *, recorded: bool = False) -> End:
    """The actor returned."""
    return _end(message, EndKind.COMPLETED, now_ms, return_value=result, recorded=recorded)


def skipped(message: JobMessage, reason: BaseException | None, now_ms: int) -> End:
    """A SkipMessage passed: parked, rejected by a middleware, or not to be run."""
    if isinstance(reason, Park):
        due_ms = int(reason.until.timestamp() * 1000)
        return _end(message, EndKind.PARKED, now_ms, reason=reason.reason, due_ms=due_ms)
    if isinstance(reason, RateLimited):
        return _end(message, EndKind.PARKED, now_ms, reason=str(reason), due_ms=now_ms + reason.wait_ms)
    if message.cancelled is not None:
        return _end(message, EndKind.FAILED, now_ms, reason=message.cancelled, cancelled=True)
    if message.failed:
        stacktrace = _stack(reason) if reason else ""
        return _end(message, EndKind.FAILED, now_ms, reason=_reason(reason), stacktrace=stacktrace)
    return _end(message, EndKind.COMPLETED, now_ms)


def rejected(message: JobMessage, now_ms: int) -> End:
    """The actor raised nothing, but a middleware called ``message.fail()``."""
    return _end(message, EndKind.FAILED, now_ms, reason="rejected by a middleware")


def raised(message: JobMessage, error: BaseException, now_ms: int, custom: Backoffs | None = None) -> End:
    """The actor raised: failed if the message is by now, else put off or tried again."""
    if end := _interrupted(message, error, now_ms):
        return end
    details = {"reason": _reason(error), "stacktrace": _stack(error)}
    if message.failed:
        return _end(message, EndKind.FAILED, now_ms, **details)
    try:
        delay_ms = _delay_ms(message.claim, error, custom)
    except (ValueError, TypeError, AttributeError, ArithmeticError) as unclear:
        # A foreign producer may write any backoff; it must not keep the job from ending.
        details["reason"] += f" (not tried again: {unclear})"
        return _end(message, EndKind.FAILED, now_ms, **details)
    if isinstance(error, RateLimitExceeded):
        return _end(message, EndKind.PARKED, now_ms, reason=_reason(error), due_ms=now_ms + delay_ms)
    return _end(message, EndKind.RETRYING, now_ms, due_ms=now_ms + delay_ms, **details)


def _interrupted(message: JobMessage, error: BaseException, now_ms: int) -> End | None:
    """The end of a run that something outside of its actor has ended; None for the actor's own failure."""
    match error:
        case Shutdown():
            return _end(message, EndKind.RELEASED, now_ms, reason="the worker is shutting down")
        case Cancelled():
            return _end(message, EndKind.FAILED, now_ms, reason=message.cancelled or "cancelled", cancelled=True)
        case RecorderUnavailable():
            return _end(message, EndKind.PARKED, now_ms, reason=_reason(error), due_ms=now_ms + RECORD_AWAY_MS)
    return None


def unknown(message: JobMessage) -> End:
    """A run that reached its end without our middleware."""
    reason = "the run left no outcome: was the engine's middleware removed from the broker?"
    return refused(message.claim, message.start, reason, message.started_ms or message.claim.claimed_ms)


def refused(claim: Claim, start: Start | None, reason: str, now_ms: int) -> End:
    """A claimed job that must not run: it fails, with the reason."""
    return End(claim, start, EndKind.FAILED, started_ms=now_ms, ended_ms=now_ms, reason=reason)


def postponed(claim: Claim, start: Start | None, reason: str, now_ms: int, delay_ms: int) -> End:
    """A claimed job that cannot run here yet: later, and no attempt is used."""
    due_ms = now_ms + delay_ms
    return End(claim, start, EndKind.PARKED, started_ms=now_ms, ended_ms=now_ms, reason=reason, due_ms=due_ms)


def _delay_ms(claim: Claim, error: BaseException, custom: Backoffs | None) -> int:
    if isinstance(error, Retry) and error.delay is not None:
        return int(error.delay)
    if isinstance(error, RateLimitExceeded):
        return backoff_ms(claim.opts, 1, custom) or LIMITED_MS
    return backoff_ms(claim.opts, claim.attempt, custom)


def _end(message: JobMessage, kind: EndKind, now_ms: int, **details: Any) -> End:
    return End(message.claim, message.start, kind, message.started_ms or now_ms, now_ms, **details)


def _reason(error: BaseException | None) -> str:
    """Never empty: BullMQ tells a failed job by its reason."""
    if isinstance(error, TimeLimitExceeded):
        return "it ran into its time limit"
    return (str(error) or type(error).__name__) if error else "skipped"


def _stack(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[:MOST_STACK_CHARACTERS]
