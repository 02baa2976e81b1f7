"""Signing in and out with a browser."""

from __future__ import annotations

from typing import Annotated

from flask import make_response, redirect, render_template, request, url_for
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response as Answer

from app import db
from app.auth import sessions
from app.auth.credentials import known_by
from app.auth.guard import current_user
from app.auth.passwords import LONGEST
from app.auth.tokens import Unauthenticated
from app.clock import utc_now
from app.dashboard.forms import Form, read_form
from app.dashboard.site import PREFIX, bp, page, said, set_cookie
from app.ledger import audit
from app.models.user import Role
from app.settings import settings


class Credentials(Form):
    """Who, and the proof."""

    email: str = Field("", max_length=254)
    password: Annotated[str, StringConstraints(strip_whitespace=False)] = Field("", max_length=LONGEST, repr=False)


@bp.get("/sign-in")
def sign_in() -> str:
    """The form."""
    return render_template("sign_in.html", next=_inside(request.args.get("next", "")), email="", refusal="")


@bp.post("/sign-in")
def signed_in() -> Answer:
    """A session of this browser; the same refusal for a wrong password and an unknown address."""
    given = read_form(Credentials)
    there = _inside(request.form.get("next", ""))
    try:
        user = known_by(given.email, given.password)
    except Unauthenticated as refusal:
        again = render_template("sign_in.html", next=there, email=given.email, refusal=str(refusal).capitalize())
        return make_response(again, 401)
    with db.session() as session:
        token = sessions.begin(session, user.id, utc_now())
        audit.record(session, user.id, "user.signed_in", f"user {user.id}", at=utc_now())
    answer = redirect(there or url_for("dashboard.overview"), 303)
    set_cookie(answer, sessions.COOKIE, token, max_age=settings().dashboard_session_s)
    return answer


@bp.post("/sign-out")
def sign_out() -> Answer:
    """End this browser's session, whoever it was."""
    with db.session() as session:
        sessions.end(session, request.cookies.get(sessions.COOKIE, ""))
    return _away("You have signed out.")


@bp.post("/sign-out-everywhere")
@page(Role.USER)
def sign_out_everywhere() -> Answer:
    """End every session of who calls."""
    with db.session() as session:
        sessions.end_all(session, current_user().id)
        audit.record(session, current_user().id, "user.signed_out", f"user {current_user().id}", at=utc_now())
    return _away("You have signed out of every browser.")


def _away(text: str) -> Answer:
    answer = said(url_for("dashboard.sign_in"), text)
    answer.delete_cookie(sessions.COOKIE, path=PREFIX)
    return answer


def _inside(address: str) -> str:
    """A page of ours to go on to; anything else is nowhere: a link must not lead to another site."""
    is_ours = address.startswith(f"{PREFIX}/") and not set(address) & set("\\\r\n\t")
    return address if is_ours else ""
