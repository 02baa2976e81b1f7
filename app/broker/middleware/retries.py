"""When a failed run is followed by another: Dramatiq's options, written into the job, heeded at each end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from dramatiq import Actor, Broker, Message, MessageProxy, Middleware

from app.broker import outcome
from app.broker.errors import Unrecoverable
from app.broker.interrupts import Cancelled
from app.broker.message import JobMessage

log = logging.getLogger(__name__)

RetryWhen = Callable[[int, BaseException], bool]

#: Dramatiq's own, also where it documents none.
MAX_RETRIES = 20
MIN_BACKOFF_MS = 15_000
MAX_BACKOFF_MS = 7 * 24 * 3_600_000
#: BullMQ has no "for ever"; this many attempts are.
FOR_EVER = 2**31 - 1


class Retries(Middleware):
    """Dramatiq's ``Retries`` without its second message: the job itself waits, and runs again.

    How often and how long is decided by whoever adds the job, in BullMQ's ``attempts`` and ``backoff``; a message says
    it with Dramatiq's ``max_retries`` (None: for ever), ``min_backoff`` and ``max_backoff`` (ms), whose defaults are
    given here. Waits are exact, not jittered. ``retry_when`` and ``throws`` of the actor are asked after each failure.
    It comes next to last, so that every other middleware finds ``message.failed`` decided.
    """

    def __init__(
        self,
        *,
        max_retries: int | None = MAX_RETRIES,
        min_backoff: int = MIN_BACKOFF_MS,
        max_backoff: int = MAX_BACKOFF_MS,
        retry_when: RetryWhen | None = None,
    ) -> None:
        self._max_retries = max_retries
        self._min_backoff = min_backoff
        self._max_backoff = max_backoff
        self._retry_when = retry_when

    @property
    def actor_options(self) -> set[str]:
        """Dramatiq's options, and BullMQ's two, which win over them."""
        dramatiqs = {"max_retries", "min_backoff", "max_backoff", "retry_when", "throws", "on_retry_exhausted"}
        return dramatiqs | {"attempts", "backoff"}

    def job_options(self, broker: Broker, message: Message[Any]) -> dict[str, Any]:
        """``attempts`` and ``backoff`` of the job that this message becomes."""
        actor = broker.actors.get(message.actor_name)
        options = {**(actor.options if actor else {}), **message.options}
        if "attempts" in options:
            return {"attempts": int(options["attempts"]), "backoff": options.get("backoff")}
        max_retries = options.get("max_retries", self._max_retries)
        backoff = options.get("backoff") or {
            "type": "exponential",
            "delay": options.get("min_backoff", self._min_backoff),
            "maxDelay": options.get("max_backoff", self._max_backoff),
        }
        return {"attempts": FOR_EVER if max_retries is None else int(max_retries) + 1, "backoff": backoff}

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Fail the message unless another run follows."""
        assert isinstance(message, JobMessage)  # noqa: S101 - narrows what our own consumer made
        if exception is None or isinstance(exception, outcome.PUT_OFF):
            return
        message.options["retries"] = message.claim.attempt
        actor = broker.get_actor(message.actor_name)
        if isinstance(exception, (Unrecoverable, Cancelled, *_throws(actor))):
            message.fail()
        elif not self._may_run_again(message, actor, exception):
            message.fail()
            _tell_that_it_is_exhausted(broker, message, actor)

    def _may_run_again(self, message: JobMessage, actor: Actor[Any, Any], exception: BaseException) -> bool:
        retry_when: RetryWhen | None = actor.options.get("retry_when", self._retry_when)
        if retry_when is None:
            return message.claim.attempt < message.claim.attempts
        try:
            return retry_when(message.claim.attempt - 1, exception)
        except Exception:
            log.exception(
                "retry_when of actor %s failed; job %s is not tried again", actor.actor_name, message.claim.id
            )
            return False


def _throws(actor: Actor[Any, Any]) -> tuple[type[BaseException], ...]:
    throws = actor.options.get("throws") or ()
    return throws if isinstance(throws, tuple) else (throws,)


def _tell_that_it_is_exhausted(broker: Broker, message: JobMessage, actor: Actor[Any, Any]) -> None:
    target = message.options.get("on_retry_exhausted") or actor.options.get("on_retry_exhausted")
    if target:
        retries = {"retries": message.claim.attempt - 1, "max_retries": message.claim.attempts - 1}
        broker.get_actor(target).send(message.asdict(), retries)
