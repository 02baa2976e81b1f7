"""A job as it stands in Redis, whoever added it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
encode_json = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Malformed:
    """Stands where a field held no JSON; ``text`` is what it held (its first 200 characters)."""

    text: str


def decode_json(text: str | None) -> Any:
    """The value of a JSON field; None where it is absent, Malformed where it is no JSON."""
    if text is None or text == "":
        return None
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return Malformed(text[:200])


@dataclass(frozen=True, slots=True)
class Job:
    """A snapshot of one job. Times are milliseconds since the epoch, by Redis's clock."""

    queue: str
    id: str
    name: str
    data: Any
    opts: Mapping[str, Any]
    timestamp: int
    delay: int
    priority: int
    progress: Any
    attempts_made: int
    attempts_started: int
    crashes: int
    processed_on: int | None
    finished_on: int | None
    return_value: Any
    failed_reason: str | None
    deferred_failure: str | None
    stacktrace: tuple[str, ...]
    processed_by: str | None

    @classmethod
    def from_hash(cls, queue: str, job_id: str, fields: Mapping[str, str]) -> Job:
        """Read BullMQ's hash; a field that makes no sense gets its default, except ``data``, which shows it."""
        opts = decode_json(fields.get("opts"))
        stacktrace = decode_json(fields.get("stacktrace"))
        return cls(
            queue=queue,
            id=job_id,
            name=fields.get("name", ""),
            data=decode_json(fields.get("data")),
            opts=opts if isinstance(opts, dict) else {},
            timestamp=_integer(fields.get("timestamp")) or 0,
            delay=_integer(fields.get("delay")) or 0,
            priority=_integer(fields.get("priority")) or 0,
            progress=decode_json(fields.get("progress")) or 0,
            attempts_made=_integer(fields.get("atm")) or 0,
            attempts_started=_integer(fields.get("ats")) or 0,
            crashes=_integer(fields.get("stc")) or 0,
            processed_on=_integer(fields.get("processedOn")),
            finished_on=_integer(fields.get("finishedOn")),
            return_value=decode_json(fields.get("returnvalue")),
            failed_reason=fields.get("failedReason"),
            deferred_failure=fields.get("defa"),
            stacktrace=tuple(str(line) for line in stacktrace) if isinstance(stacktrace, list) else (),
            processed_by=fields.get("pb"),
        )


def _integer(text: str | None) -> int | None:
    try:
        return int(float(text)) if text else None
    except (ValueError, OverflowError):
        return None
