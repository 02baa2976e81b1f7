"""What the stand-in knows: pages by id, and every change of an opportunity in the order in which they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

STAGES = ("NEW", "CONTACTED", "QUOTED", "CONVERTED", "JUNK", "NOT_INTERESTED")
PLACES = ("Lisbon", "Kyoto", "Oaxaca", "Tromsø", "Zanzibar", "Cusco")


@dataclass
class Book:
    """``token`` is what a reader of opportunities must show; "" lets everybody read."""

    token: str = ""
    web_urls: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    changes: list[Mapping[str, Any]] = field(default_factory=list)

    def put_url(self, key: str, **fields: Any) -> None:
        """List a page, or say something else of it."""
        self.web_urls[key] = {"id": key, "url": f"https://pages.example/{key}", "destination": "Lisbon", **fields}

    def put_opportunity(self, key: str, changed_at: datetime, **fields: Any) -> None:
        """Add an opportunity, or change what was said of it last."""
        begun = {"id": key, "stage": "NEW", "createdAt": changed_at.isoformat()}
        before = next((change for change in reversed(self.changes) if change.get("id") == key), begun)
        said = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
        self.changes.append({**before, **said, "changedAt": changed_at.isoformat()})

    def urls_after(self, key: str, limit: int) -> tuple[Sequence[Mapping[str, Any]], str, bool]:
        """A page of the list, the position after it, and whether more follows."""
        rest = sorted(one for one in self.web_urls if one > key)
        page = rest[:limit]
        return [self.web_urls[one] for one in page], page[-1] if page else key, len(rest) > limit

    def changes_after(self, position: int, limit: int) -> tuple[Sequence[Mapping[str, Any]], str, bool]:
        """The same of changes; their position is a number."""
        page = list(islice(self.changes, position, position + limit))
        following = position + len(page)
        return page, str(following), following < len(self.changes)


def demo_book(now: datetime) -> Book:
    """60 pages, and 240 opportunities that travel within the next 60 days."""
    book = Book()
    for number in range(60):
        place = PLACES[number % len(PLACES)]
        book.put_url(f"page-{number:03}", destination=place, title=f"{place}, page {number}")
    for number in range(240):
        book.put_opportunity(
            f"lead-{number:03}",
            now,
            name=f"Traveller {number}",
            owner=f"sales-{1 + number % 4}@demo.example",
            stage=STAGES[number % len(STAGES)],
            travelDate=now + timedelta(days=number % 60, hours=12),
            nextFollowUpAt=now + timedelta(hours=number % 48),
        )
    return book
