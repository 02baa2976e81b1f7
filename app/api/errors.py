"""Every error's status, in one table."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping

import redis.exceptions
import structlog
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.alerts.address import InvalidChannel
from app.alerts.channels import ChannelExists, ChannelNotFound, ChannelOfSettings
from app.api.input import BadRequest
from app.auth.attempts import TooManyAttempts
from app.auth.guard import Forbidden
from app.auth.tokens import Unauthenticated
from app.broker.connection import connect
from app.broker.errors import InvalidName, JobLocked, JobNotFound, NextOfScheduler, QueueNotFound, WrongState
from app.broker.lines import Lines
from app.broker.listing import InvalidCursor
from app.broker.recorder import RecorderUnavailable
from app.crontab.adding import AlreadyRunning
from app.crontab.emergency import EverythingStopped
from app.crontab.entries import EntryExists, EntryNotFound, EntryOfCode
from app.domains.accounts.errors import AccountNotFound, EmailTaken, InvalidEmail, UnknownMarketplace, UserNotFound
from app.domains.publishers.answers import UnknownAnswer
from app.domains.publishers.artifacts.shown import ArtifactNotFound
from app.domains.publishers.errors import EventRefused, PublisherNotFound
from app.domains.publishers.metrics.calculate import NoSuchPeriod
from app.domains.service_sync.errors import ServiceInactive, ServiceNotFound
from app.jobs.by_hand import UnknownJobName
from app.jobs.templates import TemplateNotFound
from app.ledger.errors import is_operational
from app.ledger.failures import GroupNotFound
from app.settings import settings

log = structlog.get_logger(__name__)

#: Errors whose message is meant for the caller.
STATUSES: Mapping[type[Exception], int] = {
    BadRequest: 400,
    InvalidEmail: 400,
    InvalidName: 400,
    InvalidCursor: 400,
    UnknownMarketplace: 400,
    UnknownJobName: 400,
    InvalidChannel: 400,
    EventRefused: 400,
    UnknownAnswer: 404,
    NoSuchPeriod: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    UserNotFound: 404,
    AccountNotFound: 404,
    JobNotFound: 404,
    QueueNotFound: 404,
    EntryNotFound: 404,
    ChannelNotFound: 404,
    GroupNotFound: 404,
    ArtifactNotFound: 404,
    PublisherNotFound: 404,
    TemplateNotFound: 404,
    ServiceNotFound: 404,
    EmailTaken: 409,
    JobLocked: 409,
    NextOfScheduler: 409,
    WrongState: 409,
    AlreadyRunning: 409,
    EntryExists: 409,
    ChannelExists: 409,
    ChannelOfSettings: 409,
    EntryOfCode: 409,
    EverythingStopped: 409,
    ServiceInactive: 409,
    TooManyAttempts: 429,
}

#: Errors of what we stand on, which will pass, and what each says of it. Of two kinds that fit, the first.
OUTAGES: Mapping[type[Exception], str] = {
    redis.exceptions.BusyLoadingError: "is still loading its data",
    redis.exceptions.TimeoutError: "does not answer in time",
    redis.exceptions.ConnectionError: "cannot be reached",
    redis.exceptions.OutOfMemoryError: "is out of memory",
    redis.exceptions.ReadOnlyError: "takes no writes: it is a replica",
    redis.exceptions.MasterDownError: "has lost its master",
    PoolTimeout: "has no connection free",
    RecorderUnavailable: "cannot be used",
    DBAPIError: "cannot be used",
}

#: What redis-py has no class for, or hides in the error of a script: Redis's own word, and what it says of Redis.
REDIS_SAYS: Mapping[str, str] = {
    "OOM": "is out of memory",
    "READONLY": "takes no writes: it is a replica",
    "MISCONF": "takes no writes: it cannot save them",
    "NOREPLICAS": "takes no writes: it has too few replicas",
    "BUSY": "is busy with a script",
}
_REDIS_SAYS = re.compile(rf"(?:^|[-:] ?)({'|'.join(REDIS_SAYS)}) ")

RETRY_AFTER_S = 5


def register(app: Flask) -> None:
    """Answer every exception of this app in the same shape."""
    for error, status in STATUSES.items():
        app.register_error_handler(error, lambda raised, status=status: refusal(status, str(raised)))
    app.register_error_handler(TooManyAttempts, _too_many)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _other_error)


def refusal(status: int, message: str) -> Response:
    """``{"success": false, "error": message}`` (CONTRACTS C21); under /admin/jobs without the first of them (C43)."""
    response = jsonify(error=message) if is_bare(request.path) else jsonify(success=False, error=message)
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="toril"'
    return response


def is_bare(path: str) -> bool:
    """Whether this prefix's errors have no envelope."""
    return f"{path}/".startswith("/admin/jobs/")


def outage_of(error: Exception) -> str | None:
    """Which part is away and how, as a sentence, if that is the reason of this error.

    A statement that the database refused is not.
    """
    how = next((how for kind, how in OUTAGES.items() if isinstance(error, kind)), None)
    if isinstance(error, redis.exceptions.RedisError):
        if how is None and (said := _REDIS_SAYS.search(str(error))):
            how = REDIS_SAYS[said[1]]
        return how and f"{_which_redis(error)} {how}"
    if isinstance(error, DBAPIError) and not is_operational(error):
        return None
    return how and f"the database {how}"


def _which_redis(error: Exception) -> str:
    """The error does not say, but the client it came through does: a process has one pool for each URL."""
    pools = {
        connect(settings().cache_redis_url).connection_pool: "the cache Redis",
        connect(settings().queue_redis_url).connection_pool: "the queue Redis",
    }
    clients = (frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__))
    named = (pools.get(client.connection_pool) for client in clients if isinstance(client, redis.Redis | Lines))
    return next(filter(None, named), "Redis")


def _too_many(error: TooManyAttempts) -> Response:
    response = refusal(STATUSES[TooManyAttempts], str(error))
    response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    response = refusal(status, error.description or error.name)
    if error.response is None:
        kept = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
        response.headers.extend(kept)
    return response


def _other_error(error: Exception) -> Response:
    outage = outage_of(error)
    if outage is None:
        log.error("api.failed", exc_info=error)
        return refusal(500, "an error of ours, not of yours; it has been logged")
    log.warning("api.outage", reason=outage, error=type(error).__name__)
    response = refusal(503, f"{outage}; try again in {RETRY_AFTER_S} s")
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
