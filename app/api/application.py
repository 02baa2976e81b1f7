"""The web application: what all routes have in common, and the routes."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.routing import BaseConverter

from app.api import (
    alerts,
    crontab_admin,
    docs,
    errors,
    exports,
    failures,
    flows,
    health,
    hosting_services,
    job_metrics,
    job_status,
    jobs_admin,
    notifications,
    prometheus,
    publisher_events,
    publisher_figures,
    queue_jobs,
    queues,
    recurring_jobs,
    reports,
    service_sync,
    sign_in,
    templates,
    user_jobs,
    users,
    why,
)
from app.api.input import MAX_BODY_BYTES
from app.api.replies import Json

ROUTES = (
    docs,
    health,
    sign_in,
    users,
    user_jobs,
    job_status,
    job_metrics,
    jobs_admin,
    crontab_admin,
    queues,
    queue_jobs,
    recurring_jobs,
    flows,
    templates,
    why,
    failures,
    alerts,
    notifications,
    publisher_figures,
    publisher_events,
    exports,
    reports,
    service_sync,
    hosting_services,
    prometheus,
)


class Key(BaseConverter):
    """A user's id in a path: what cannot be one is not found."""

    regex = "[A-Za-z0-9_-]{1,64}"


class JobId(BaseConverter):
    """A job's id in a path: no colon, as in BullMQ, and nothing that cannot be printed or stored."""

    regex = "[^/:\x00-\x1f\x7f]{1,255}"


class QueueName(BaseConverter):
    """A queue's name in a path; a colon may stand for its hyphen (C4)."""

    regex = "[^/\x00-\x1f\x7f]{1,255}"


class AnyJobId(BaseConverter):
    """A job's id as anybody may have given it: those of BullMQ's schedulers hold colons."""

    regex = "[^/\x00-\x1f\x7f]{1,255}"


class EntryName(BaseConverter):
    """A crontab entry's id or title in a path (C37)."""

    regex = "[^/\x00-\x1f\x7f]{1,200}"


#: Of every answer; a page that needs more says so itself.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def _private(response: Response) -> Response:
    """What is answered to one caller is nobody else's, is what it says it is, and is shown in no other site's page."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def create_app() -> Flask:
    """The API. Making it has no side effects: connections are made by the first request that needs them."""
    app = Flask("toril", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json = Json(app)
    app.url_map.converters.update(key=Key, job_id=JobId, any_job_id=AnyJobId, queue=QueueName, entry=EntryName)
    errors.register(app)
    app.after_request(_private)
    for routes in ROUTES:
        app.register_blueprint(routes.bp)
    return app
