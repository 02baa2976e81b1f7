"""The gate in front of every operation: faults, the token, the budget, then the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, jsonify, request

from app.domains.amazon.simulator.faults import Fault
from app.domains.amazon.simulator.state import Seller, Simulator, simulator

Answer = Response | dict[str, Any] | tuple[dict[str, Any], int]
Operation = Callable[..., Answer]

_HTML = "<html><head><title>503 Service Temporarily Unavailable</title></head><body><h1>503</h1></body></html>"


# Filled as the operations are defined; a fault for any other name would wait for ever.
OPERATIONS = {"*", "token", "document"}


class Refused(Exception):
    """A call is answered with one of Amazon's errors."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"errors": [{"code": code, "message": message, "details": details}]}


def refused(error: Refused) -> Response:
    """The error in Amazon's shape."""
    answer = jsonify(error.body)
    answer.status_code = error.status
    return answer


def invalid(message: str) -> Refused:
    """400 for a parameter that is missing or makes no sense."""
    return Refused(400, "InvalidInput", message)


def operation(name: str, rate: float | None = None, burst: int = 1) -> Callable[[Operation], Callable[..., Answer]]:
    """Let a seller through to the operation: its published rate (calls a second) and burst, None for no plan.

    The operation's first argument is the Seller. A 429 carries neither a rate nor a Retry-After, as
    Amazon's does not; a good answer names the rate.
    """

    OPERATIONS.add(name)

    def guarded(answer: Operation) -> Callable[..., Answer]:
        @wraps(answer)
        def guard(*args: Any, **kwargs: Any) -> Answer:
            state = simulator()
            seller = _caller(state)
            state.count(seller.id, name)
            fault = state.faults.strike(seller.id, seller.country, name)
            spoilt = spoil(fault)
            if spoilt is not None:
                return spoilt
            if rate is not None and not state.budgets.take(seller.id, name, rate, burst, state.clock()):
                raise throttled()
            given = jsonify_answer(answer(seller, *args, **kwargs))
            if rate is not None:
                given.headers["x-amzn-RateLimit-Limit"] = str(rate * state.budgets.scale)
            return given

        return guard

    return guarded


def jsonify_answer(answer: Answer) -> Response:
    """A response of a body, or of a body and a status."""
    if isinstance(answer, Response):
        return answer
    body, status = answer if isinstance(answer, tuple) else (answer, 200)
    response = jsonify(body)
    response.status_code = status
    return response


def throttled() -> Refused:
    """429, as Amazon sends it."""
    return Refused(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")


def spoil(fault: Fault | None) -> Response | None:
    """What the fault answers instead; None for none, and for one that only delays (or only spoils documents)."""
    match fault and fault.kind:
        case "slow":
            time.sleep(fault.ms / 1_000 if fault else 0)
        case "html_503":
            return Response(_HTML, status=503, mimetype="text/html")
        case "malformed":
            return Response('{"payload": {"transactions": [', mimetype="application/json")
        case "expired_token" | "revoked":
            raise Refused(
                403,
                "Unauthorized",
                "Access to requested resource is denied.",
                "The access token you provided has expired.",
            )
        case "throttle":
            raise throttled()
        case "cut_connection":
            return cut()
    return None


def cut() -> Response:
    """Begin an answer on the raw socket and end the connection in its middle."""
    for server in ("gunicorn.socket", "werkzeug.socket"):
        socket = request.environ.get(server)
        if socket is not None:
            socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{")
            socket.shutdown(2)
    return Response(status=500)


def _caller(state: Simulator) -> Seller:
    """Whose access token the call carries: SP-API's header, or Ads's bearer token. Raises Refused."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = request.headers.get("x-amz-access-token") or (bearer if scheme == "Bearer" else "")
    seller = state.bearer(token)
    if seller is None:
        details = "The access token you provided has expired." if token else "Access token is missing in the request."
        raise Refused(403, "Unauthorized", "Access to requested resource is denied.", details)
    return seller
