"""The stand-in of status APIs on a real port, services that name it, and syncs run as the engine runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pytest
from flask import request
from sqlalchemy import Engine, select
from werkzeug.serving import make_server

from app import db
from app.broker.current import set_current_job
from app.domains.service_sync.server import Book, create_app
from app.domains.service_sync.services import ServiceFields, add
from app.domains.service_sync.sync import sync_service
from app.ledger.recorder import Ledger
from app.models.service_log import ServiceLog
from app.settings import settings
from tests.ledger.rows import new_job, promised, running, started

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
NUMBERS = count(1)


@dataclass
class Served:
    """The book, where it is served, and what has been asked for."""

    book: Book
    url: str
    asked: list[tuple[str, str]]  # path, Authorization

    def service(self, name: str = "one", key: str = "", **said: object) -> str:
        """A hosting service of the book's; returns its id."""
        self.book.put(name, key)
        fields = {"name": name, "status_url": f"{self.url}/services/{name}/status", "api_key": key, **said}
        with db.session() as session:
            return add(session, ServiceFields.model_validate(fields), by="1", at=NINE).id


@pytest.fixture
def served(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An empty book; its port is the one private address that may be called."""
    book, asked = Book(), list[tuple[str, str]]()
    app = create_app(book)
    app.before_request(lambda: asked.append((request.path, request.headers.get("Authorization", ""))))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("STATUS_SERVER_PORT", str(server.port))
    settings.cache_clear()
    yield Served(book, f"http://127.0.0.1:{server.port}", asked)
    server.shutdown()
    thread.join()
    server.server_close()
    settings.cache_clear()


Sync = Callable[[str], dict[str, int]]


@pytest.fixture
def sync() -> Iterator[Sync]:
    """Runs one service's job, with its row."""

    def run(service_id: str) -> dict[str, int]:
        job_id = str(next(NUMBERS))
        job = new_job(job_id, queue="service-sync", name="sync_service", data={"service_id": service_id})
        ledger = Ledger()
        claimed = promised(ledger, job)
        set_current_job(running(claimed, started(ledger, claimed)))
        return sync_service(service_id)

    yield run
    set_current_job(None)


def logged(service_id: str) -> list[tuple[str, str]]:
    """The records that are kept of it: id and status."""
    with db.reading() as session:
        kept = select(ServiceLog).where(ServiceLog.service_id == service_id).order_by(ServiceLog.id)
        return [(row.record_id, row.status) for row in session.scalars(kept)]
