"""A BullMQ job as Dramatiq sees it: a message, with the run that this process has claimed."""

from __future__ import annotations

from typing import Any

from dramatiq import Message, MessageProxy

from app.broker.recorder import Claim, End, Start

#: Where Dramatiq's own part of a message travels within BullMQ's options.
DRAMATIQ = "dramatiq"


class JobMessage(MessageProxy):
    """One claimed run. ``end`` is set by the engine's middleware when it is over."""

    def __init__(self, claim: Claim, start: Start | None, token: str) -> None:
        super().__init__(_message(claim))
        self.claim = claim
        self.start = start
        self.token = token
        self.started_ms = 0
        self.end: End | None = None
        self.cancelled: str | None = None  # why, if somebody did

    def __str__(self) -> str:
        # Dramatiq logs messages with all their arguments; the names are enough, and hold no data.
        return f"{self.claim.name} {self.claim.id} (queue {self.claim.queue}, attempt {self.claim.attempt})"


def _message(claim: Claim) -> Message[Any]:
    """The keyword arguments are the job's data; what Dramatiq itself needs comes from ``opts.dramatiq``."""
    envelope = claim.opts.get(DRAMATIQ)
    extra: dict[str, Any] = envelope if isinstance(envelope, dict) else {}
    return Message(
        queue_name=claim.queue,
        actor_name=claim.name,
        args=tuple(extra.get("args") or ()),
        kwargs=dict(claim.data or {}),
        options=dict(extra.get("options") or {}),
        message_id=claim.id,
        message_timestamp=claim.added_ms,
    )
