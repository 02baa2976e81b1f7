"""The stand-in of both sources on a real port, whose book a test writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from flask import request
from sqlalchemy import Engine
from werkzeug.serving import make_server

from app import db
from app.domains.leads.server import Book, create_app
from app.models.opportunity import Opportunity
from app.settings import settings

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


@dataclass
class Served:
    """The book, where it is served, and what has been asked for."""

    book: Book
    url: str
    asked: list[str]


@pytest.fixture
def served(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An empty book; its port is the one private address that may be called."""
    book, asked = Book(), list[str]()
    app = create_app(book)
    app.before_request(lambda: asked.append(request.full_path))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("LEADS_SERVER_PORT", str(server.port))
    settings.cache_clear()
    yield Served(book, f"http://127.0.0.1:{server.port}", asked)
    server.shutdown()
    thread.join()
    server.server_close()
    settings.cache_clear()


def opportunity(key: str, **fields: object) -> Opportunity:
    """A new one, unless told otherwise."""
    begun = {"stage": "NEW", "created_at": NINE, "changed_at": NINE}
    return Opportunity(id=key, **{**begun, **fields})


def add(*rows: object) -> None:
    """Into the database, in this order."""
    with db.session() as session:
        for row in rows:
            session.add(row)
            session.flush()
