"""Tells running actors that their worker is stopping: Dramatiq's option, without its race."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import dramatiq.middleware
from dramatiq import Broker, MessageProxy, Worker
from dramatiq.middleware import Shutdown

from app.broker.interrupts import Run
from app.broker.message import JobMessage

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker


class ShutdownNotifications(dramatiq.middleware.ShutdownNotifications):
    """``notify_shutdown``: Shutdown is raised in the actor, and a run that it ends is handed back, uncharged.

    Dramatiq's own can raise it in a thread whose run has just ended, which loses that end.
    """

    def __init__(self, notify_shutdown: bool = False) -> None:
        super().__init__(notify_shutdown)
        self._runs: set[Run] = set()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Remember a run that wants to know."""
        if self.should_notify(broker.get_actor(message.actor_name), message):  # type: ignore[no-untyped-call]  # Dramatiq's
            self._runs.add(_run(message))

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """It is over."""
        self._runs.discard(_run(message))

    after_skip_message = after_process_message

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Raise Shutdown in each of them."""
        interrupts = cast("BullMQBroker", broker).engine.interrupts
        for run in list(self._runs):
            interrupts.interrupt(run, Shutdown)


def _run(message: MessageProxy) -> Run:
    assert isinstance(message, JobMessage)  # noqa: S101 - narrows what our own consumer made
    return message.claim.queue, message.claim.id
