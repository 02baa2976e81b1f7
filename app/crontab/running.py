"""What a body can know of its own run, beside the log that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Run:
    """One run of an entry. A re-run after a crash has the same ``slot``: what a body does once, it does once for it.

    ``details`` become the session's metadata: rows read and written, what was left out.
    """

    entry_id: str
    slot: datetime
    session_id: int
    data: Mapping[str, Any]
    manual: bool = False
    details: dict[str, Any] = field(default_factory=dict)


_running: ContextVar[Run | None] = ContextVar("run of a crontab entry", default=None)


def current_run() -> Run:
    """The run of this thread; LookupError outside of a body."""
    run = _running.get()
    if run is None:
        raise LookupError("no crontab entry is running in this thread: call current_run() inside a job's run()")
    return run


@contextmanager
def running(run: Run) -> Iterator[Run]:
    """The block is this run's body."""
    token = _running.set(run)
    try:
        yield run
    finally:
        _running.reset(token)
