"""Jobs kept under a name: what each would add, and a button that adds it."""

from __future__ import annotations

import json

from flask import abort, render_template, url_for
from pydantic import Field, ValidationError
from werkzeug.wrappers import Response as Answer

from app import db
from app.auth.guard import current_user
from app.clock import utc_now
from app.dashboard.confirmation import Confirmation
from app.dashboard.forms import Form, faults, read_query
from app.dashboard.paging import ROWS, paged
from app.dashboard.people import names_of
from app.dashboard.site import bp, page, said
from app.jobs import templates as kept
from app.jobs.personal import redacted
from app.models.user import Role


class Asked(Form):
    """From where on."""

    after: str = Field("", max_length=64)


@bp.get("/templates")
@page(Role.VIEWER)
def templates() -> str:
    """All of them, by name."""
    after = read_query(Asked).after
    with db.reading() as session:
        rows = session.scalars(kept.all_templates(after).limit(ROWS + 1)).all()
        names = names_of(session, (row.changed_by for row in rows))
    data = {row.name: json.dumps(redacted(row.data)) for row in rows}
    return render_template("templates.html", paged=paged(rows, lambda row: row.name, "after"), data=data, names=names)


@bp.post("/templates/<key:name>/run")
@page(Role.OPERATOR)
def run_template(name: str) -> Answer:
    """Add a job of it."""
    try:
        with db.session() as session:
            queue, job_id = kept.run(session, name, by=current_user().id)
    except ValidationError as invalid:
        wrong = "; ".join(f"{field}: {what}" for field, what in faults(invalid).items())
        abort(400, f"template {name} no longer fits its job: {wrong}")
    return said(url_for("dashboard.job", queue_name=queue, job_id=job_id), f"A job of {name} is added.")


@bp.route("/templates/<key:name>/remove", methods=["GET", "POST"])
@page(Role.OPERATOR)
def remove_template(name: str) -> Answer:
    """Jobs that were made of it stay."""
    back = url_for("dashboard.templates")
    with db.session() as session:
        kept.find(session, name)
        asked = Confirmation("Remove the template", name, "It can no longer be run. Jobs made of it stay.", back=back)
        if asked.reason is None:
            return asked.page()
        kept.remove(session, name, by=current_user().id, at=utc_now(), why=asked.reason)
    return said(back, f"The template {name} is gone.")
