"""Around each run: the job that the thread is running, and what its end means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dramatiq import Broker, MessageProxy, Middleware, Worker
from dramatiq.middleware import SkipMessage

from app.broker import outcome
from app.broker.current import RunningJob, current_job, set_current_job
from app.broker.message import JobMessage

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker


class CancelledBeforeStart(SkipMessage):
    """Somebody cancelled the job between its claim and its start."""


class Runs(Middleware):
    """First in the list, so that it sees a run begin before, and end after, every other middleware."""

    def __init__(self, broker: BullMQBroker) -> None:
        self._broker = broker

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Name the job to the thread."""
        assert isinstance(message, JobMessage)  # noqa: S101 - narrows what our own consumer made
        message.started_ms = self._broker.clock.now_ms()
        writer = self._broker.queue(message.claim.queue)
        if message.cancelled is not None:
            raise CancelledBeforeStart(message.cancelled)
        set_current_job(RunningJob(message.claim, message.start, writer, message.started_ms))

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Decide the end, once every other middleware has had its say."""
        assert isinstance(message, JobMessage)  # noqa: S101 - narrows what our own consumer made
        now_ms = self._broker.clock.now_ms()
        if exception is not None:
            message.end = outcome.raised(message, exception, now_ms, self._broker.backoffs)
        elif message.failed:
            message.end = outcome.rejected(message, now_ms)
        else:
            message.end = outcome.completed(message, result, now_ms, recorded=current_job().recorded)
        set_current_job(None)

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """Dramatiq passes no reason: it is the exception being handled."""
        assert isinstance(message, JobMessage)  # noqa: S101 - narrows what our own consumer made
        message.end = outcome.skipped(message, sys.exception(), self._broker.clock.now_ms())
        set_current_job(None)

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """The engine of this process starts with its worker."""
        self._broker.start_engine(worker)

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Claims stop at once; running jobs have the grace period."""
        self._broker.engine.stop_claiming()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """What still runs is handed back, what has ended is settled."""
        self._broker.engine.close()
