"""The stand-in's HTTP: a status to read for each service, and addresses to say what it shows and how it fails."""

from __future__ import annotations

import hmac
import time
from typing import Any, cast, get_args

from flask import Flask, Response, abort, redirect, request

from app.clock import utc_now
from app.domains.service_sync.server.book import Book, Fault, Shown

SILENT_S = 12  # longer than the client's patience
ENDLESS_BYTES = 2 * 1024 * 1024


def create_app(book: Book) -> Flask:
    """The application on that book."""
    app = Flask(__name__)

    @app.get("/services/<name>/status")
    def status(name: str) -> Any:
        shown = _find(book, name)
        sent = request.headers.get("Authorization", "")
        if shown.key and not hmac.compare_digest(sent, f"Bearer {shown.key}"):
            abort(401)
        if shown.faults:
            return _fail(shown, shown.faults.pop(0))
        return {"records": list(book.records(name, utc_now()))}

    @app.post("/services/<name>/records")
    def say(name: str) -> dict[str, Any]:
        _find(book, name)
        book.say(name, at=utc_now(), **request.get_json())
        return dict(book.services[name].records[-1])

    @app.post("/services/<name>/faults")
    def fail(name: str) -> dict[str, Any]:
        """``{"fault": "503", "times": 2}``: the next answers."""
        asked = request.get_json()
        if asked.get("fault") not in get_args(Fault):
            abort(400, f"fault must be one of {', '.join(get_args(Fault))}")
        shown = _find(book, name)
        shown.faults += [cast("Fault", asked["fault"])] * int(asked.get("times", 1))
        return {"faults": shown.faults}

    return app


def _find(book: Book, name: str) -> Shown:
    if name not in book.services:
        abort(404)
    return book.services[name]


def _fail(shown: Shown, fault: Fault) -> Any:
    match fault:
        case "garbage":
            return Response("<html>not now</html>", mimetype="text/html")
        case "no_status":
            return {"records": [{"id": "1", "status": "fine"}]}
        case "silence":
            time.sleep(SILENT_S)
            return {"records": []}
        case "redirect":
            return redirect(shown.moved_to)
        case "endless":
            return Response("x" * ENDLESS_BYTES, mimetype="application/json")
        case _:
            return Response(status=int(fault))
