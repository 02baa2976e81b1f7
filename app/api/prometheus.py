"""/metrics, for Prometheus: with a token of its own, or from this machine only (CONTRACTS C42)."""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address
from typing import Annotated

from flask import Blueprint, Response, request

from app.api.errors import refusal
from app.api.replies import File
from app.metrics.exposition import CONTENT_TYPE, exposition
from app.settings import settings

bp = Blueprint("prometheus", __name__)

#: What a proxy adds: behind one, everybody seems to be on this machine.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


@bp.get("/metrics")
def metrics() -> Annotated[Response, File("text/plain")]:
    """Everything that is counted, as of now, the same from every web process (S4-10).

    Asks for the token of ``METRICS_TOKEN``; without one, only this machine may ask.
    """
    token = settings().metrics_token
    if token and not _is_sent(token):
        return refusal(401, "send the token of METRICS_TOKEN: Authorization: Bearer …")
    if not token and not _is_from_here():
        return refusal(401, "without METRICS_TOKEN, metrics are only for this machine")
    return Response(exposition(), content_type=CONTENT_TYPE)


def _is_sent(token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and compare_digest(given.strip().encode(), token.encode())


def _is_from_here() -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
