"""A claimed job's hash, read as far as its run needs it."""

from __future__ import annotations

from collections.abc import Mapping

from app.broker.job import decode_json, integer
from app.broker.options import attempts, lengthened
from app.broker.recorder import Claim


def read_claim(queue: str, worker: str, job_id: str, fields: Mapping[str, str]) -> Claim:
    """The run that this worker has just claimed; a field that makes no sense gets its default, except ``data``."""
    opts = decode_json(fields.get("opts"))
    stored = lengthened(opts) if isinstance(opts, dict) else {}
    return Claim(
        queue=queue,
        id=job_id,
        added_ms=integer(fields.get("timestamp")) or 0,
        name=fields.get("name", ""),
        data=decode_json(fields.get("data")),
        worker=worker,
        claimed_ms=integer(fields.get("processedOn")) or 0,
        attempt=(integer(fields.get("atm")) or 0) + 1,
        attempts=attempts(stored),
        crashes=integer(fields.get("stc")) or 0,
        deferred_failure=fields.get("defa"),
        opts=stored,
        stacktrace=stacktraces(fields.get("stacktrace")),
        claims=integer(fields.get("ats")) or 0,
        broken_parent=broken_parent(fields),
    )


def broken_parent(fields: Mapping[str, str]) -> str:
    """Why a job's hash names no parent though it has fields for one; empty for all that BullMQ writes.

    On such fields moveToFinished raises halfway: with the lock gone, or the job in no list any more.
    """
    key, text = fields.get("parentKey"), fields.get("parent")
    if key is not None and ":" not in key:
        return f"parentKey must be <prefix>:<queue>:<id>, it is {key[:200]!r}"
    if text is not None and not _names_a_job(decode_json(text)):
        return f"parent must be a JSON object with a queueKey and an id, it is {text[:200]!r}"
    return ""


def _names_a_job(parent: object) -> bool:
    if not isinstance(parent, dict) or not all(isinstance(parent.get(part), (str, int)) for part in ("id", "queueKey")):
        return False
    return not any(isinstance(value, (dict, list)) for value in parent.values())


def stacktraces(text: str | None) -> tuple[str, ...]:
    """The stack traces of earlier attempts, oldest first."""
    traces = decode_json(text)
    return tuple(str(trace) for trace in traces) if isinstance(traces, list) else ()
