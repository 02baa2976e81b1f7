"""A stand-in for hosting services' status APIs, for development and tests, with faults on request."""

from __future__ import annotations

from app.domains.service_sync.server.app import create_app
from app.domains.service_sync.server.book import Book

__all__ = ["Book", "create_app"]
