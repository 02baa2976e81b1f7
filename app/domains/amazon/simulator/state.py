"""What the simulator remembers: sellers' tokens, reports and documents, in memory, in one process."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from flask import current_app

from app.domains.amazon.simulator.book import Book
from app.domains.amazon.simulator.budgets import Budgets
from app.domains.amazon.simulator.faults import Faults
from app.domains.amazon.simulator.frozen_book import FROZEN_BOOKS
from app.domains.amazon.simulator.generated_book import generate_book
from app.domains.amazon.simulator.marketplaces import BY_COUNTRY, Marketplace

Books = Mapping[tuple[str, str], Book]
TOKEN_TTL_S = 3_600
_KEPT = timedelta(hours=6)
Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Options:
    """How quick the simulated Amazon is.

    ``budget_scale`` multiplies the published rates; reports are done after ``report_s`` seconds; lists
    break after ``page_size`` entries; a page token of Finances goes stale after ``token_minutes``.
    """

    budget_scale: float = 1.0
    report_s: float = 1.0
    page_size: int = 50
    token_minutes: int = 5


@dataclass(frozen=True, slots=True)
class Seller:
    """Who is asking: a seller, in the country that its refresh token was given for."""

    id: str
    country: str

    @property
    def home(self) -> Marketplace:
        """The marketplace of that country."""
        return BY_COUNTRY[self.country]


@dataclass(frozen=True, slots=True)
class Task:
    """A report or a query that was asked for; ``content`` is what its document will hold."""

    id: str
    seller: Seller
    asked: Mapping[str, Any]
    created_at: datetime
    content: bytes
    content_type: str
    next_token: str | None = None


@dataclass(slots=True)
class Simulator:
    """The whole state of one simulated Amazon."""

    clock: Callable[[], datetime]
    options: Options
    books: Books
    budgets: Budgets
    faults: Faults = field(default_factory=Faults)
    tasks: dict[str, Task] = field(default_factory=dict)
    calls: dict[tuple[str, str], int] = field(default_factory=dict)
    _access: dict[str, tuple[Seller, datetime]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def book(self, seller: Seller, marketplace: Marketplace | None = None) -> Book:
        """The seller's book in that marketplace (its home by default): given, frozen, or generated."""
        where = marketplace or seller.home
        for books in (self.books, FROZEN_BOOKS):
            if (seller.id, where.country) in books:
                return books[seller.id, where.country]
        return _generated(seller.id, where, self.clock().date())

    def grant(self, seller: Seller) -> str:
        """A new access token of the seller."""
        token = f"Atza|{secrets.token_urlsafe(24)}"
        now = self.clock()
        with self._lock:
            _drop_oldest(self._access, lambda kept: kept[1] < now)
            self._access[token] = (seller, now + timedelta(seconds=TOKEN_TTL_S))
        return token

    def bearer(self, token: str) -> Seller | None:
        """Whose token it is; None for an unknown or expired one."""
        seller, expires_at = self._access.get(token, (None, None))
        return seller if expires_at and self.clock() < expires_at else None

    def begin(
        self, seller: Seller, asked: Mapping[str, Any], content: bytes, content_type: str, next_token: str | None = None
    ) -> Task:
        """A new task; it is done when ``report_s`` have passed."""
        now = self.clock()
        task = Task(secrets.token_hex(8), seller, asked, now, content, content_type, next_token)
        with self._lock:
            _drop_oldest(self.tasks, lambda kept: kept.created_at < now - _KEPT)
            self.tasks[task.id] = task
        return task

    def task_of(self, seller: Seller, identity: str) -> Task | None:
        """The seller's own task of that id."""
        task = self.tasks.get(identity)
        return task if task and task.seller == seller else None

    def stage(self, task: Task) -> int:
        """0 while it waits, 1 while it is worked on, 2 when it is done."""
        age_s = (self.clock() - task.created_at).total_seconds()
        return 2 if age_s >= self.options.report_s else 1 if age_s >= self.options.report_s / 2 else 0

    def count(self, seller: str, operation: str) -> None:
        """Remember a call, for ``GET /calls``."""
        with self._lock:
            self.calls[seller, operation] = self.calls.get((seller, operation), 0) + 1


def _drop_oldest(entries: dict[str, Entry], is_over: Callable[[Entry], bool]) -> None:
    """Forget from the front, which is the oldest, what is over: a server that runs for weeks must not grow."""
    while entries and is_over(entries[oldest := next(iter(entries))]):
        del entries[oldest]


@lru_cache(maxsize=512)
def _generated(seller_id: str, marketplace: Marketplace, today: date) -> Book:
    return generate_book(seller_id, marketplace, today)


def simulator() -> Simulator:
    """The simulator of the current application."""
    found: Simulator = current_app.extensions["simulator"]
    return found
