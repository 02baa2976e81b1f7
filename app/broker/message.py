"""A BullMQ job as Dramatiq sees it: a message, with the run that this process has claimed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from dramatiq import Message, MessageProxy

from app.broker.job import decode_json, encode_json
from app.broker.recorder import Claim, End, Start

#: Where Dramatiq's own part of a message travels within BullMQ's options. It is JSON in a string: BullMQ's scripts
#: would make an empty list a table, and a long integer a float.
DRAMATIQ = "dramatiq"
#: Options that never come from us, and would harm the worker: a class cannot travel in JSON, and a delay is BullMQ's.
NEVER_OURS = {"throws", "eta"}


class JobMessage(MessageProxy):
    """One claimed run. ``end`` is set by the engine's middleware when it is over.

    ``actor_name`` is the job's name where it is not given.

    What a message says stands here itself: a proxy's ``__getattr__``, at each of fifteen looks a run, costs more than a
    short job. The message proper is made for those who want it whole.
    """

    def __init__(self, claim: Claim, start: Start | None, token: str, actor_name: str | None = None) -> None:
        # Not MessageProxy's: it wants the message now.
        self.failed = False
        self._exception = None
        extra = _opened(claim.opts.get(DRAMATIQ))
        args, options = extra.get("args"), extra.get("options")
        self.queue_name = claim.queue
        self.actor_name = actor_name or claim.name
        self.args = tuple(args) if isinstance(args, list) else ()
        self.kwargs = dict(claim.data or {})
        self.options = (
            {name: value for name, value in options.items() if name not in NEVER_OURS}
            if isinstance(options, dict)
            else {}
        )
        self.message_id = claim.id
        self.message_timestamp = claim.added_ms
        self.claim = claim
        self.start = start
        self.token = token
        self.started_ms = 0
        self.end: End | None = None
        self.cancelled: str | None = None  # why, if somebody did

    @cached_property
    def _message(self) -> Message[Any]:  # type: ignore[override]  # made when somebody wants it
        return Message(
            queue_name=self.queue_name,
            actor_name=self.actor_name,
            args=self.args,
            kwargs=self.kwargs,
            options=self.options,
            message_id=self.message_id,
            message_timestamp=self.message_timestamp,
        )

    def __str__(self) -> str:
        # Dramatiq logs messages with all their arguments; the names are enough, and hold no data.
        return f"{self.claim.name} {self.claim.id} (queue {self.claim.queue}, attempt {self.claim.attempt})"

    def __repr__(self) -> str:
        return f"<JobMessage {self}>"


def envelope(message: Message[Any]) -> dict[str, str]:
    """What only Dramatiq understands of a message, as an option of its job; nothing if there is nothing."""
    extra: dict[str, Any] = {}
    if message.args:
        extra["args"] = message.args
    if message.options:
        extra["options"] = message.options
    return {DRAMATIQ: encode_json(extra).decode()} if extra else {}


def _opened(sealed: Any) -> Mapping[str, Any]:
    """The envelope's content; nothing of one that makes no sense."""
    content = decode_json(sealed) if isinstance(sealed, str) else None
    return content if isinstance(content, dict) else {}
