"""Dramatiq's results, read from the job: its return value or its failure stands there anyway."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from dramatiq import Message, MessageProxy
from dramatiq.results import ResultBackend, ResultFailure, ResultMissing, ResultTimeout

from app.broker.events import ENDS, ONE_READ_S, Event, QueueEvents
from app.broker.job import Job

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

DEFAULT_TIMEOUT_MS = 10_000


class JobResults(ResultBackend):
    """A backend that stores nothing: ``message.get_result()`` reads the job, and waits by the queue's events.

    A result lives as long as its job: see ``remove_on_complete``; Dramatiq's ``result_ttl`` changes nothing.
    """

    def __init__(self, broker: BullMQBroker) -> None:
        super().__init__()
        self._broker = broker

    def get_result(
        self, message: Message[Any] | MessageProxy, *, block: bool = False, timeout: int | None = None
    ) -> Any:
        """The actor's value, through JSON. ``timeout`` is in ms, 10 s if it is not given.

        Raises ResultFailure for a failed job, ResultMissing for one that has not ended (or does not exist) when not
        told to block, ResultTimeout when it has not ended in that time.
        """
        queue = self._broker.queue(message.queue_name)
        deadline = time.monotonic() + (DEFAULT_TIMEOUT_MS if timeout is None else timeout) / 1000
        # Listen first, then look: an end between the two is in the stream.
        events = QueueEvents(queue) if block else None
        end: Event | None = None
        while True:
            job = queue.get_job(message.message_id)
            if job is not None and job.finished_on is not None:
                return _value(job)
            if end is not None and job is None:
                return _value_of_removed(message, end)
            if events is None:
                raise ResultMissing(message)
            end = _wait_for_end(events, message, deadline)

    def store_result(self, message: MessageProxy, result: Any, ttl: int) -> None:
        """The engine writes the return value with the end of the job."""

    def store_exception(self, message: MessageProxy, exception: BaseException, ttl: int) -> None:
        """The engine writes the failure with the end of the job."""


def _wait_for_end(events: QueueEvents, message: Message[Any] | MessageProxy, deadline: float) -> Event | None:
    """The job's end; None when it is time to look again, since a busy stream may have been trimmed before it was read.

    Raises ResultTimeout.
    """
    look_at = time.monotonic() + ONE_READ_S
    while (now := time.monotonic()) < min(deadline, look_at):
        for event in events.read(min(deadline, look_at) - now):
            if event.job_id == message.message_id and event.name in ENDS:
                return event
    if time.monotonic() >= deadline:
        raise ResultTimeout(message)
    return None


def _value(job: Job) -> Any:
    if not job.has_returned:
        raise _failure(job.failed_reason or "", job.stacktrace[-1] if job.stacktrace else "")
    return job.return_value


def _value_of_removed(message: Message[Any] | MessageProxy, end: Event) -> Any:
    """Jobs that are not kept are gone with their end; only the event still has it."""
    match end.name:
        case "completed":
            return end.fields.get("returnvalue")
        case "failed":
            raise _failure(end.fields.get("failedReason", ""), "")
    raise ResultMissing(message)


def _failure(reason: str, stack: str) -> ResultFailure:
    name = _error_name(reason, stack)
    return ResultFailure(f"actor raised {name}: {reason}", name, reason)


def _error_name(reason: str, stack: str) -> str:
    """The class of the error, as the stack trace of either language names it; ``JobFailed`` where it names none."""
    named = re.findall(rf"^(\S+): {re.escape(reason)}", stack, re.MULTILINE)
    if not named:
        last_line = stack.rstrip().rpartition("\n")[2]
        named = re.findall(r"^([\w.<>]+)(?:: |$)", last_line)
    return str(named[-1]).rpartition(".")[2] if named else "JobFailed"
