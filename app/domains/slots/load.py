"""How many users each hour and each day has, and which has the fewest: 31 counters, never a scan of users."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models.slot_load import SlotKind, SlotLoad

SLOTS: Mapping[SlotKind, range] = {"hour": range(24), "day": range(7)}

Loads = dict[SlotKind, dict[int, int]]


def lock_loads(session: Session) -> Loads:
    """Users per slot, locked until the caller's transaction ends: who assigns next sees what this one did."""
    counted = select(SlotLoad.kind, SlotLoad.slot, SlotLoad.users).order_by(SlotLoad.kind, SlotLoad.slot)
    rows = session.execute(counted.with_for_update()).all()
    if len(rows) < sum(map(len, SLOTS.values())):
        _create_counters(session)
        rows = session.execute(counted.with_for_update()).all()
    loads: Loads = {kind: {} for kind in SLOTS}
    for kind, slot, users in rows:
        loads[kind][slot] = users
    return loads


def take(session: Session, loads: Loads, kind: SlotKind, count: int) -> list[int]:
    """The least loaded slots for that many users, one after the other; the earliest of equals. Counts them.

    From balanced loads it keeps the fullest and the emptiest slot within one user of each other (CONTRACTS C7).
    """
    emptiest = [(users, slot) for slot, users in loads[kind].items()]
    heapq.heapify(emptiest)
    taken = []
    for _ in range(count):
        users, slot = emptiest[0]
        heapq.heapreplace(emptiest, (users + 1, slot))
        taken.append(slot)
    _write(session, kind, {slot: users for users, slot in emptiest if users != loads[kind][slot]})
    loads[kind] = {slot: users for users, slot in emptiest}
    return taken


def give_back(session: Session, loads: Loads, kind: SlotKind, slot: int) -> None:
    """One user less in that slot: the next to come is put there."""
    loads[kind][slot] -= 1
    _write(session, kind, {slot: loads[kind][slot]})


def _write(session: Session, kind: SlotKind, users: Mapping[int, int]) -> None:
    if users:
        rows = [{"kind": kind, "slot": slot, "users": count} for slot, count in users.items()]
        session.execute(update(SlotLoad), rows)


def _create_counters(session: Session) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"kind": kind, "slot": slot, "users": 0} for kind, slots in SLOTS.items() for slot in slots]
    session.execute(insert(SlotLoad).on_conflict_do_nothing(), rows)
