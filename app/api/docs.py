"""/openapi.json and /docs: what this API takes and answers, for programs and for people; open to all (0020)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template, url_for

from app.api.openapi import document
from app.api.schema_words import fields_of, in_words

bp = Blueprint("docs", __name__, template_folder="templates", static_folder="static", static_url_path="/docs/static")

#: One style sheet of ours, and nothing else: no script, no frame, no form.
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


described = lru_cache(maxsize=1)(document)


@bp.get("/openapi.json")
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    return described(_app())


@bp.get("/docs")
def page() -> Response:
    """The same, to read."""
    contract = described(_app())
    sections: dict[str, list[dict[str, Any]]] = {}
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            sections.setdefault(operation["tags"][0], []).append({**operation, "path": path, "method": method.upper()})
    schemas = contract["components"]["schemas"]
    response = Response(
        render_template(
            "api_docs.html",
            info=contract["info"],
            sections=sections,
            style=url_for("docs.static", filename="docs.css"),
            fields=lambda schema: fields_of(schema, schemas),
            words=in_words,
        )
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # behind the proxy's type
    return app
