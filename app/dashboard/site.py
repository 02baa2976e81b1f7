"""What all pages have in common: the blueprint, who may see a page, its headers, its errors, its frame."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar
from urllib.parse import quote, unquote

from flask import Blueprint, Flask, Response, abort, current_app, g, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from app.auth import sessions
from app.auth.guard import requires
from app.dashboard import shown
from app.models.user import Role
from app.settings import settings

P = ParamSpec("P")
R = TypeVar("R")

PREFIX = "/dashboard"
STATIC = Path(__file__).with_name("static")
#: Before anybody is signed in, a form's secret is this cookie; afterwards the session's.
VISITOR, SAID, THEME = "toril_visitor", "toril_said", "toril_theme"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
YEAR_S = 365 * 24 * 3_600

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Link(NamedTuple):
    """A line of the sidebar; its icon is a symbol of ``icons.svg``."""

    endpoint: str
    title: str
    icon: str


NAVIGATION = (
    Link("overview", "Overview", "overview"),
    Link("queues", "Queues", "queues"),
    Link("templates", "Templates", "play"),
    Link("failures", "Failures", "failures"),
    Link("users", "Users", "users"),
    Link("schedule", "Schedule", "schedule"),
    Link("cron_sessions", "Sessions", "sessions"),
    Link("workers", "Workers", "workers"),
    Link("audit", "Audit", "audit"),
    Link("search", "Search", "search"),
)

bp = Blueprint("dashboard", __name__, url_prefix=PREFIX, template_folder="templates", static_folder="static")


def page(least: Role = Role.VIEWER) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a page be seen only by who is signed in here with at least this role."""
    return requires(least, sessions.by_cookie)


def said(url: str, text: str) -> Answer:
    """Go there, and say on arrival what was done."""
    answer = redirect(url, 303)
    set_cookie(answer, SAID, quote(text), max_age=60)
    return answer


def set_cookie(answer: Answer, name: str, value: str, max_age: int | None = None) -> None:
    """A cookie that no script reads and no other site sends along with a form."""
    secure = settings().environment == "production"
    answer.set_cookie(name, value, max_age=max_age, path=PREFIX, httponly=True, samesite="Lax", secure=secure)


def form_secret() -> str:
    """The cookie that a form of this browser is bound to; made at the first page."""
    if "form_secret" not in g:
        g.form_secret = request.cookies.get(sessions.COOKIE) or request.cookies.get(VISITOR) or sessions.new_token()
    return str(g.form_secret)


def add_to(app: Flask) -> Flask:
    """The dashboard beside the API, in one application; the API's table says what status an error has."""
    from app.dashboard import (  # noqa: F401 - their views
        audit,
        cron_sessions,
        emergency,
        entry,
        failures,
        jobs,
        live,
        overview,
        queue_acts,
        queues,
        schedule,
        search,
        sign_in,
        templates,
        user,
        users,
        workers,
    )

    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(shown.FILTERS)
    app.context_processor(_frame)
    app.after_request(_errors_as_pages)
    app.add_url_rule("/", "root", lambda: redirect(url_for("dashboard.home")))
    app.register_blueprint(bp)
    return app


@bp.get("/")
def home() -> Answer:
    """The first page."""
    return redirect(url_for("dashboard.overview"))


@bp.before_request
def _refuse_forms_of_others() -> None:
    """CSRF: every form brings the token that belongs to this browser's cookie, and comes from this site."""
    if request.method in SAFE:
        return
    sent_from = request.headers.get("Sec-Fetch-Site", "same-origin")
    cookie = request.cookies.get(sessions.COOKIE) or request.cookies.get(VISITOR)
    if sent_from not in {"same-origin", "none"} or not cookie or not sessions.is_ours(_brought(), cookie):
        abort(403, "this form was not sent by a page of yours, or you have signed in anew since: load the page again")


def _brought() -> str:
    return request.form.get("csrf", "")


@bp.after_request
def _with_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint == "dashboard.static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
    elif "form_secret" in g and not {sessions.COOKIE, VISITOR} & set(request.cookies):
        set_cookie(response, VISITOR, form_secret())
    if g.get("said") and request.method == "GET":
        response.delete_cookie(SAID, path=PREFIX)
    return response


def _errors_as_pages(response: Response) -> Response:
    """What the API says in JSON, a browser reads as a page."""
    if response.status_code < 400 or not response.is_json or not _is_read_by_a_person():
        return response
    status = response.status_code
    if status == 401 and request.method in SAFE:
        there = request.full_path.rstrip("?")
        away = redirect(url_for("dashboard.sign_in", next=there if there != f"{PREFIX}/" else None))
        return Response(away.get_data(), away.status_code, away.headers)
    message = (response.get_json() or {}).get("error", "")
    response.set_data(render_template("error.html", status=status, message=message))
    response.content_type = "text/html; charset=utf-8"
    response.headers.update(HEADERS)
    return response


def _is_read_by_a_person() -> bool:
    """A page of ours, or an address that nothing has, asked for by a browser."""
    if request.blueprint == bp.name:
        return True
    asks_for_a_page = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    return request.url_rule is None and asks_for_a_page and isinstance(request.routing_exception, HTTPException)


def _frame() -> dict[str, Any]:
    """What every template may use."""
    user = g.get("user")
    theme = request.cookies.get(THEME, "system")
    g.said = unquote(request.cookies.get(SAID, ""))

    def may(least: str) -> bool:
        return user is not None and user.role.includes(Role(least))

    def csrf() -> Markup:
        return Markup('<input type="hidden" name="csrf" value="{}">').format(sessions.form_token(form_secret()))

    return {
        "user": user,
        "may": may,
        "csrf": csrf,
        "asset": asset,
        "said": g.said,
        "theme": theme if theme in {"light", "dark"} else "system",
        "environment": settings().environment,
        "zone": settings().timezone,
        "navigation": NAVIGATION if may("viewer") else (),
        "known": current_app.view_functions,
    }


@lru_cache
def asset(name: str) -> str:
    """The address of a file under ``static/``, which changes with its content: it may be kept for a year."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return url_for("dashboard.static", filename=name, v=digest)
