"""The stand-in for gunicorn: one process, so that there is one book."""

from __future__ import annotations

from app.clock import utc_now
from app.domains.leads.server.app import create_app
from app.domains.leads.server.book import demo_book

application = create_app(demo_book(utc_now()))
