"""Every error's status, in one table."""

from __future__ import annotations

from collections.abc import Mapping

import redis.exceptions
import structlog
from flask import Flask, Response, jsonify
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.api.input import BadRequest
from app.auth.guard import Forbidden
from app.auth.tokens import Unauthenticated
from app.broker.errors import InvalidName, JobLocked, JobNotFound, QueueNotFound
from app.broker.recorder import RecorderUnavailable
from app.domains.accounts.errors import AccountNotFound, EmailTaken, InvalidEmail, UnknownMarketplace, UserNotFound
from app.ledger.errors import is_operational

log = structlog.get_logger(__name__)

#: Errors whose message is meant for the caller.
STATUSES: Mapping[type[Exception], int] = {
    BadRequest: 400,
    InvalidEmail: 400,
    InvalidName: 400,
    UnknownMarketplace: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    UserNotFound: 404,
    AccountNotFound: 404,
    JobNotFound: 404,
    QueueNotFound: 404,
    EmailTaken: 409,
    JobLocked: 409,
}

#: Errors of what we stand on, which will pass. Redis out of memory or read-only is as good as away (TRAPS).
OUTAGES: Mapping[type[Exception], str] = {
    redis.exceptions.ConnectionError: "Redis",
    redis.exceptions.TimeoutError: "Redis",
    redis.exceptions.ReadOnlyError: "Redis",
    redis.exceptions.OutOfMemoryError: "Redis",
    redis.exceptions.MasterDownError: "Redis",
    RecorderUnavailable: "the database",
    DBAPIError: "the database",
    PoolTimeout: "the database",
}

RETRY_AFTER_S = 5


def register(app: Flask) -> None:
    """Answer every exception of this app in the same shape."""
    for error, status in STATUSES.items():
        app.register_error_handler(error, lambda raised, status=status: refusal(status, str(raised)))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _other_error)


def refusal(status: int, message: str) -> Response:
    """``{"success": false, "error": message}`` (CONTRACTS C21)."""
    response = jsonify(success=False, error=message)
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="toril"'
    return response


def outage_of(error: Exception) -> str | None:
    """What is away, if that is the reason of this error; a statement that the database refused is not."""
    what = next((what for kind, what in OUTAGES.items() if isinstance(error, kind)), None)
    return None if isinstance(error, DBAPIError) and not is_operational(error) else what


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    response = refusal(status, error.description or error.name)
    if error.response is None:
        kept = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
        response.headers.extend(kept)
    return response


def _other_error(error: Exception) -> Response:
    what = outage_of(error)
    if what is None:
        log.error("api.failed", exc_info=error)
        return refusal(500, "an error of ours, not of yours; it has been logged")
    log.warning("api.outage", what=what)
    response = refusal(503, f"{what} cannot be used now; try again in {RETRY_AFTER_S} s")
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
