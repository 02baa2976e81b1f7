"""What the stand-in knows: each service's key, its records, and the faults that it is to show."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Fault = Literal["503", "429", "401", "garbage", "no_status", "silence", "redirect", "endless"]
LATEST = 20


@dataclass
class Shown:
    """One service. ``faults`` are shown one an answer, the first first."""

    key: str = ""
    records: list[Mapping[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    moved_to: str = ""  # where "redirect" leads


@dataclass
class Book:
    """Services by name. A ``beating`` book has a record of every service for each of the last minutes."""

    services: dict[str, Shown] = field(default_factory=dict)
    beating: bool = False

    def put(self, name: str, key: str = "") -> Shown:
        """A service, new if need be."""
        shown = self.services.setdefault(name, Shown())
        shown.key = key
        return shown

    def say(self, name: str, record_id: str, at: datetime, status: str = "up", **more: Any) -> None:
        """One more record of it."""
        record = {"id": record_id, "at": at.isoformat(), "status": status, **more}
        self.services[name].records.append(record)

    def records(self, name: str, now: datetime) -> Sequence[Mapping[str, Any]]:
        """The latest, oldest first."""
        beats = [_beat(name, now - timedelta(minutes=ago)) for ago in range(10, -1, -1)] if self.beating else []
        return [*self.services[name].records, *beats][-LATEST:]


def demo_book() -> Book:
    """The demo's services, which are up most of the time."""
    book = Book(beating=True)
    for number in range(1, DEMO_SERVICES + 1):
        book.put(f"demo-{number}", demo_key(number))
    return book


DEMO_SERVICES = 6


def demo_key(number: int) -> str:
    """What a reader of that demo service must show."""
    return f"demo-key-{number}"


def _beat(name: str, at: datetime) -> dict[str, Any]:
    minute = at.replace(second=0, microsecond=0)
    drawn = hashlib.sha256(f"{name} {minute.isoformat()}".encode()).digest()
    status = "down" if drawn[0] < 4 else "degraded" if drawn[0] < 16 else "up"
    took = 20 + drawn[1] if status == "up" else 900 + drawn[1]
    return {"id": f"beat-{minute:%Y%m%d%H%M}", "at": minute.isoformat(), "status": status, "responseMs": took}
