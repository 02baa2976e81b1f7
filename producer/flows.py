"""Flows come back whole: a parent that was added without all its children would start too early (R16)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from app import db
from app.broker.broker import BullMQBroker
from app.broker.errors import BrokerError
from app.broker.flow import add_tree
from app.broker.recorder import NewJob, Parent
from app.ledger.errors import unavailable_when_operational
from app.ledger.families import children_of, is_open, key_of, lost_parent, parents_among, remaining_ms, unsettle
from app.ledger.promises import confirm
from app.ledger.repairs import OpenRow, claim_repairs
from app.ledger.standing import is_running, look

log = logging.getLogger(__name__)


def members_of_flows(broker: BullMQBroker, rows: Sequence[OpenRow]) -> set[int]:
    """The ids of those that have a parent or children."""
    keys = {key_of(row, broker.prefix): row.id for row in rows}
    with unavailable_when_operational(), db.engine().connect() as connection:
        parents = parents_among(connection, keys)
    return {row.id for row in rows if row.job.parent or key_of(row, broker.prefix) in parents}


def restore_flows(broker: BullMQBroker, absent: Iterable[OpenRow], alive: Collection[str], now: datetime) -> int:
    """Add the flows that these rows belong to; returns how many jobs were added.

    A flow with a job that still runs, though Redis has forgotten it, waits until that has ended (R14). A finished child
    is added with the others, and the next claim settles it from its row (R6): so the parent gets its value.
    """
    with unavailable_when_operational(), db.engine().connect() as connection:
        roots = {root.id: root for root in (_root(connection, row, broker.prefix) for row in absent)}
        flows = [_tree(connection, root, broker.prefix) for root in roots.values()]
    return sum(_restore(broker, flow, alive, now) for flow in flows)


def _root(connection: Connection, row: OpenRow, prefix: str) -> OpenRow:
    """The first of its ancestors that Redis may lack as well."""
    while row.job.parent and (parent := lost_parent(connection, row.job.parent, prefix)):
        row = parent
    return row


def _tree(connection: Connection, root: OpenRow, prefix: str) -> list[OpenRow]:
    """The row and all below it, parents first."""
    tree = {root.id: root}
    level = [root]
    while level:
        level = [child for child in children_of(connection, level, prefix) if child.id not in tree]
        tree |= {child.id: child for child in level}
    return list(tree.values())


def _restore(broker: BullMQBroker, flow: list[OpenRow], alive: Collection[str], now: datetime) -> int:
    there = {one.row.id for _, standings in look(broker, flow) for one in standings if one.is_there}
    absent = [row for row in flow if row.id not in there]
    if any(is_running(broker, row, alive) for row in absent):
        return 0
    mine = _claim([row for row in absent if is_open(row)], [row for row in absent if not is_open(row)])
    if mine is None:
        return 0
    try:
        standing = add_tree(broker, _jobs(broker, flow, there, now))
    except BrokerError as error:
        log.error("a flow of %d jobs is not whole yet: %s", len(flow), error)
        return 0
    with unavailable_when_operational(), db.engine().begin() as connection:
        confirm(connection, standing, now)
    log.warning("repaired: a flow of %d jobs, of which Redis did not have %d, was added again", len(flow), len(absent))
    return len(mine)


def _claim(open_rows: Sequence[OpenRow], ended: Sequence[OpenRow]) -> list[NewJob] | None:
    """All of the flow or nothing: None if any of it is not as it was seen."""
    with unavailable_when_operational(), db.engine().connect() as connection:
        mine = claim_repairs(connection, open_rows) if open_rows else []
        if not mine or len(mine) < len(open_rows):
            connection.rollback()
            return None
        if ended:
            unsettle(connection, ended)
        connection.commit()
    return mine


def _jobs(broker: BullMQBroker, flow: Sequence[OpenRow], there: Collection[int], now: datetime) -> list[NewJob]:
    """What is absent, and the children of what is absent: those that are there only get their parent back."""
    comes = {key_of(row, broker.prefix) for row in flow if row.id not in there}
    parents = {row.job.parent.key for row in flow if row.job.parent}
    jobs = []
    for row in flow:
        parent = row.job.parent
        if row.id in there and not (parent and parent.key in comes):
            continue
        if parent and parent.key not in comes and not _waits(broker, parent):
            parent = None  # it has ended, or was never ours: the child's own promise stands
        has_children = key_of(row, broker.prefix) in parents
        delay_ms = remaining_ms(row, now) if has_children else row.job.delay_ms
        jobs.append(replace(row.job, parent=parent, has_children=has_children, delay_ms=delay_ms))
    return jobs


def _waits(broker: BullMQBroker, parent: Parent) -> bool:
    return broker.redis.zscore(f"{parent.queue_key}:waiting-children", parent.id) is not None
