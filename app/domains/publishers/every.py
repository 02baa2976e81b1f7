"""Something for every publisher, some hundred of them a transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from app import db
from app.domains.publishers.accounts import all_publishers
from app.models.publisher import Publisher

CHUNK = 500


def for_every_publisher(promise: Callable[[Session, Sequence[Publisher]], int]) -> int:
    """Call it with each chunk in a transaction of its own, in the order of ids; returns the sum of what it returned.

    What is promised must be so once, however often: a run that broke off begins again.
    """
    done, after = 0, ""
    while True:
        with db.session() as session:
            chunk = session.scalars(all_publishers().where(Publisher.id > after).limit(CHUNK)).all()
            if not chunk:
                return done
            done += promise(session, chunk)
            after = chunk[-1].id
