"""One entry of the crontab: run now, switched on and off, changed after a look at what the change means, removed."""

from __future__ import annotations

import json
from typing import Any, Literal

from flask import make_response, render_template, request, url_for
from pydantic import Field, ValidationError
from werkzeug.wrappers import Response as Answer

from app import db
from app.auth.guard import current_user
from app.clock import utc_now
from app.crontab import emergency, entries
from app.crontab.adding import trigger
from app.crontab.cron import in_words
from app.crontab.fields import Fields
from app.crontab.overdue import overdue
from app.crontab.table import next_runs
from app.dashboard.confirmation import LONGEST_REASON, Confirmation
from app.dashboard.forms import Form, faults, read_form
from app.dashboard.people import names_of
from app.dashboard.schedule import line, newest_runs
from app.dashboard.site import bp, page, said
from app.models.crontab_entry import CrontabEntry
from app.models.user import Role

RUNS = 20
#: What the form can change, in its order.
CHANGEABLE = (
    "title",
    "schedule",
    "timezone",
    "timeout_s",
    "attempts",
    "memory_limit_mb",
    "catch_up",
    "alert_on_failure",
)


class Switch(Form):
    """On or off."""

    to: Literal["on", "off"]


class Reasoned(Form):
    """Why, if they say."""

    reason: str = Field("", max_length=LONGEST_REASON)


@bp.get("/schedule/<entry:name>")
@page(Role.VIEWER)
def entry(name: str) -> str:
    """What it does and how it went."""
    now = utc_now()
    with db.reading() as session:
        found = entries.find(session, name)
        late = next((one for one in overdue(session, now) if one.entry_id == found.id), None)
        runs = newest_runs(session, [found.id], RUNS).get(found.id, [])
        return render_template(
            "entry.html",
            line=line(found, runs, late, now),
            entry=found,
            runs=runs,
            following=next_runs(found.schedule, found.timezone, now, 5),
            people=names_of(session, [found.changed_by]),
            stop=emergency.standing(session),
        )


@bp.post("/schedule/<entry:name>/run")
@page(Role.ADMIN)
def run_entry(name: str) -> Answer:
    """Run it now, whatever its schedule; 409 while it runs."""
    with db.session() as session:
        emergency.refuse_while_stopped(session)
        found = entries.find(session, name)
        session_id = trigger(session, name, by=current_user().id, at=utc_now())
    return said(url_for("dashboard.entry", name=found.id), f"{found.id} is on its way, as session {session_id}.")


@bp.post("/schedule/<entry:name>/switch")
@page(Role.ADMIN)
def switch_entry(name: str) -> Answer:
    """Follow its schedule from now on, or no longer."""
    to = read_form(Switch).to
    with db.session() as session:
        by = current_user().id
        changed = emergency.change_entry(session, name, {"enabled": to == "on"}, by=by, at=utc_now())
    return said(url_for("dashboard.entry", name=changed.id), f"{changed.id} is {to} now.")


@bp.post("/schedule/<entry:name>/restore")
@page(Role.ADMIN)
def restore_entry(name: str) -> Answer:
    """Give every field back to the code."""
    with db.session() as session:
        emergency.refuse_while_stopped(session)
        restored = entries.restore(session, name, by=current_user().id, at=utc_now())
    return said(url_for("dashboard.entry", name=restored.id), f"{restored.id} is as the code has it again.")


@bp.route("/schedule/<entry:name>/remove", methods=["GET", "POST"])
@page(Role.ADMIN)
def remove_entry(name: str) -> Answer:
    """For good; only what was made here."""
    with db.session() as session:
        found = entries.find(session, name)
        if found.source == entries.CODE:
            raise entries.EntryOfCode(found.id)
        back = url_for("dashboard.entry", name=found.id)
        asked = Confirmation("Remove entry", found.id, "It does not run again, and its settings are gone.", back=back)
        if asked.reason is None:
            return asked.page()
        entries.remove(session, found.id, by=current_user().id, at=utc_now(), why=asked.reason)
    return said(url_for("dashboard.schedule"), f"{found.id} was removed.")


@bp.route("/schedule/<entry:name>/edit", methods=["GET", "POST"])
@page(Role.ADMIN)
def edit_entry(name: str) -> Answer:
    """Fields first; then what they mean, in words and moments; then, unchanged, they are saved."""
    with db.session() as session:
        found = entries.find(session, name)
        now = {field: getattr(found, field) for field in CHANGEABLE}
        if request.method == "GET":
            return _form(found, now)
        wanted = _wanted()
        try:
            checked = Fields.model_validate({**_all(found), **wanted})
        except ValidationError as invalid:
            return _form(found, wanted, faults=faults(invalid))
        wanted = {field: getattr(checked, field) for field in CHANGEABLE}
        if request.form.get("previewed") != _spelled(wanted):
            return _form(found, wanted, preview=checked)
        changes = {field: value for field, value in wanted.items() if value != now[field]}
        by, why = current_user().id, read_form(Reasoned).reason or None
        emergency.change_entry(session, found.id, changes, by=by, at=utc_now(), why=why)
    return said(url_for("dashboard.entry", name=found.id), f"{found.id} was changed; it holds from the next tick on.")


def _form(found: CrontabEntry, values: dict[str, Any], preview: Fields | None = None, faults: Any = None) -> Answer:
    now = utc_now()
    change = preview and {
        "fields": [
            (field, getattr(found, field), values[field]) for field in values if getattr(found, field) != values[field]
        ],
        "words": in_words(preview.schedule),
        "following": next_runs(preview.schedule, preview.timezone, now, 5),
        "before": (in_words(found.schedule), next_runs(found.schedule, found.timezone, now, 5)),
        "previewed": _spelled(values),
    }
    body = render_template("entry_edit.html", entry=found, values=values, change=change, faults=faults or {})
    return make_response(body, 400 if faults else 200)


def _wanted() -> dict[str, Any]:
    """The form as it came: empty is no memory limit, and a box that is not ticked is not sent."""
    sent: dict[str, Any] = {field: request.form.get(field, "").strip() for field in CHANGEABLE}
    return {
        **sent,
        "memory_limit_mb": sent["memory_limit_mb"] or None,
        "alert_on_failure": "alert_on_failure" in request.form,
    }


def _all(found: CrontabEntry) -> dict[str, Any]:
    return {field: getattr(found, field) for field in Fields.model_fields}


def _spelled(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
