"""Findings are counted where they are made, in the transaction that mends them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Table, select

from app.ledger.upsert import inserting
from app.models.tally import Tally

tallies = cast("Table", Tally.__table__)
TALLY = tallies.c

#: Promised jobs that Redis did not have, and got again.
ADDED_AGAIN = "added again"
#: Open jobs that Redis had, and has lost.
LOST = "lost"
#: Jobs that somebody has removed behind our back.
REMOVED = "removed behind our back"
FINDINGS = (ADDED_AGAIN, LOST, REMOVED)


def tally(connection: Connection, name: str, count: int, at: datetime) -> None:
    """So many more of these; none is no news."""
    if not count:
        return
    first = inserting(connection, tallies).values(name=name, count=count, last_at=at, last_count=count)
    more = {"count": TALLY.count + first.excluded.count, "last_at": at, "last_count": count}
    connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=more))


def read_tallies(connection: Connection) -> Mapping[str, Tally]:
    """Each by its name; what has never happened is not among them."""
    return {row.name: Tally(**row._mapping) for row in connection.execute(select(tallies))}
