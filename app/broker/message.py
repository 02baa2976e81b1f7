"""A BullMQ job as Dramatiq sees it: a message, with the run that this process has claimed."""

from __future__ import annotations

from collections.abc import Mapping
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
    """One claimed run. ``end`` is set by the engine's middleware when it is over."""

    def __init__(self, claim: Claim, start: Start | None, token: str) -> None:
        super().__init__(_message(claim))
        self.claim = claim
        self.start = start
        self.token = token
        self.started_ms = 0
        self.more_follow = False  # of the same claim, on their way to the threads
        self.end: End | None = None
        self.cancelled: str | None = None  # why, if somebody did

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


def _message(claim: Claim) -> Message[Any]:
    """The keyword arguments are the job's data; what Dramatiq itself needs comes from ``opts.dramatiq``."""
    extra = _opened(claim.opts.get(DRAMATIQ))
    args, options = extra.get("args"), extra.get("options")
    if not isinstance(options, dict):
        options = {}
    return Message(
        queue_name=claim.queue,
        actor_name=claim.name,
        args=tuple(args) if isinstance(args, list) else (),
        kwargs=dict(claim.data or {}),
        options={name: value for name, value in options.items() if name not in NEVER_OURS},
        message_id=claim.id,
        message_timestamp=claim.added_ms,
    )


def _opened(sealed: Any) -> Mapping[str, Any]:
    """The envelope's content; nothing of one that makes no sense."""
    content = decode_json(sealed) if isinstance(sealed, str) else None
    return content if isinstance(content, dict) else {}
