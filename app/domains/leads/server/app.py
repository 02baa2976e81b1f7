"""The stand-in's HTTP: two lists to read page by page, and two addresses to change what they say."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask, abort, request

from app.clock import utc_now
from app.domains.leads.server.book import Book

MOST = 1_000


def create_app(book: Book) -> Flask:
    """The application on that book."""
    app = Flask(__name__)

    @app.get("/web-urls")
    def list_urls() -> dict[str, Any]:
        return _page(*book.urls_after(request.args.get("after", ""), _limit()))

    @app.put("/web-urls/<key>")
    def put_url(key: str) -> dict[str, Any]:
        book.put_url(key, **_fields())
        return dict(book.web_urls[key])

    @app.get("/leadsquared/opportunities")
    def list_opportunities() -> dict[str, Any]:
        shown = request.headers.get("Authorization", "")
        if book.token and not hmac.compare_digest(shown, f"Bearer {book.token}"):
            abort(401)
        after = request.args.get("after", "") or "0"
        if not after.isdecimal():
            abort(400)
        return _page(*book.changes_after(int(after), _limit()))

    @app.put("/leadsquared/opportunities/<key>")
    def put_opportunity(key: str) -> dict[str, Any]:
        book.put_opportunity(key, utc_now(), **_fields())
        return dict(book.changes[-1])

    return app


def _page(items: Sequence[Mapping[str, Any]], position: str, more: bool) -> dict[str, Any]:
    return {"items": list(items), "next": position, "more": more}


def _limit() -> int:
    return min(max(request.args.get("limit", 100, type=int), 1), MOST)


def _fields() -> dict[str, Any]:
    said = request.get_json()
    return {name: value for name, value in said.items() if name != "id"} if isinstance(said, dict) else {}
