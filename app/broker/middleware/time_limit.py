"""How long a run may take: asked to end at its limit, and ended with its process when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq import Broker, MessageProxy, Middleware

from app.broker.message import JobMessage

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

#: A run that is still there so long after its limit holds the interpreter, or waits in C: no exception reaches it.
HARD_AFTER_MS = 3_000


class TimeLimit(Middleware):
    """``time_limit`` (ms) of the message or its actor; the last in the list, so that only the actor's time counts.

    At the limit TimeLimitExceeded is raised in the actor, and the attempt fails. Three seconds later the keeper kills
    the process: that job fails for good, the others run again elsewhere.
    """

    def __init__(self, broker: BullMQBroker, default_ms: float = 600_000) -> None:
        self._broker = broker
        self._default_ms = default_ms

    @property
    def actor_options(self) -> set[str]:
        """Dramatiq's own option."""
        return {"time_limit"}

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """The clock starts."""
        assert isinstance(message, JobMessage)  # noqa: S101 - narrows what our own consumer made
        actor = self._broker.get_actor(message.actor_name)
        limit_ms = message.options.get("time_limit")
        if not isinstance(limit_ms, int | float) or limit_ms <= 0:
            limit_ms = actor.options.get("time_limit", self._default_ms)
        claim, engine = message.claim, self._broker.engine
        hard_ms = None if limit_ms == float("inf") else int(limit_ms) + HARD_AFTER_MS
        engine.leases.started(claim.queue, claim.id, message.token, hard_ms)
        engine.interrupts.arm((claim.queue, claim.id), limit_ms)

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """The clock stops, before any other middleware runs."""
        self._stop(message)

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """A parked run has ended as well."""
        self._stop(message)

    def _stop(self, message: MessageProxy) -> None:
        assert isinstance(message, JobMessage)  # noqa: S101 - narrows what our own consumer made
        engine = self._broker.engine
        engine.interrupts.disarm()
        engine.leases.ended(message.claim.queue, message.claim.id, message.token)
