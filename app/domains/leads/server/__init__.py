"""A stand-in for the list of web pages and for LeadSquared, for development and tests: what it says can be changed."""

from __future__ import annotations

from app.domains.leads.server.app import create_app
from app.domains.leads.server.book import Book

__all__ = ["Book", "create_app"]
