"""/api/v1/publishers/:id/events: what has happened on a publisher's pages, in batches (document 003)."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from app import db
from app.api.input import Body, read_body
from app.api.replies import Answer, ok
from app.api.served import publisher_to_serve
from app.auth.guard import requires
from app.clock import utc_now
from app.domains.publishers.events import NewEvent, add_events
from app.models.user import Role

bp = Blueprint("publisher_events", __name__, url_prefix="/api/v1/publishers/<key:publisher_id>/events")

MOST_EVENTS = 5_000
MAX_BATCH_BYTES = 2 * 1024 * 1024


class Batch(Body):
    """Some events of one publisher."""

    events: Annotated[list[NewEvent], Field(min_length=1, max_length=MOST_EVENTS)]


class Added(TypedDict):
    """How many of them were new, and how many were there already, unchanged."""

    added: int
    known: int


@bp.post("")
@requires(Role.USER)
def add(publisher_id: str) -> Answer[Added]:
    """Add up to 5,000 events, all or none; a batch whose answer was lost is sent again as it was.

    Aggregations add them up: every night, or as jobs of the queue analytics-aggregation.
    """
    with db.reading() as session:
        publisher = publisher_to_serve(session, publisher_id)
    batch = read_body(Batch, MAX_BATCH_BYTES)
    with db.session() as session:
        added = add_events(session, publisher, batch.events, utc_now())
    return ok({"added": added, "known": len(batch.events) - added}, status=201)
