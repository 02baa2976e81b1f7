"""What a refresh has finished, kept in the job's row: a parked or repeated run does only the rest (RULES R10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Failure(msgspec.Struct):
    """Why something is not fresh. One that is not final is tried again in a later attempt, once in each."""

    reason: str
    attempt: int
    final: bool = False


class PartProgress(msgspec.Struct):
    """How far one part is.

    ``failures`` are by dataset, or by what else went wrong; a part that is done may have some, all of datasets.
    ``states`` is what each unfinished dataset needs to go on (report ids, a next page).
    """

    done: bool = False
    failures: dict[str, Failure] = msgspec.field(default_factory=dict)
    states: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)

    def begin(self, attempt: int) -> None:
        """Forget what failed in earlier attempts, unless it was final. A parked run goes on in the same attempt."""
        self.failures = {
            what: failure for what, failure in self.failures.items() if failure.final or failure.attempt == attempt
        }

    def fail(self, what: str, reason: str, attempt: int, *, final: bool = False) -> None:
        """Remember why: this attempt does not try it again, and with ``final`` none does."""
        self.failures[what] = Failure(reason, attempt, final)

    def give_up(self, what: str, reason: str, attempt: int) -> None:
        """Nothing more can be had, whatever else went wrong."""
        self.failures = {what: Failure(reason, attempt, final=True)}

    @property
    def is_hopeful(self) -> bool:
        """Whether a later attempt may bring what failed in this one."""
        return any(not failure.final for failure in self.failures.values())

    @property
    def reason(self) -> str:
        """What is not fresh, and why, in one line; empty when nothing failed."""
        return "; ".join(failure.reason for failure in self.failures.values())


class Checkpoint(msgspec.Struct):
    """The whole of one job. ``as_of`` is when it first asked for data: it stays the same over all its runs."""

    as_of: datetime
    parts: dict[str, PartProgress] = msgspec.field(default_factory=dict)

    @classmethod
    def load(cls, kept: Any, now: datetime) -> Checkpoint:
        """From what the row keeps; a new one, as of now, for a first run."""
        return cls(as_of=now) if kept is None else msgspec.convert(kept, cls)

    def dump(self) -> dict[str, Any]:
        """As JSON values, for the row."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept

    def part(self, key: str) -> PartProgress:
        """The progress of that part, begun if need be."""
        return self.parts.setdefault(key, PartProgress())
