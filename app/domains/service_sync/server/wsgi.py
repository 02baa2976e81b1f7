"""The stand-in for gunicorn: one process, so that there is one book."""

from __future__ import annotations

from app.domains.service_sync.server.app import create_app
from app.domains.service_sync.server.book import demo_book

application = create_app(demo_book())
