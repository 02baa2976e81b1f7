"""How many users each hour and each day has, and each minute of it: 31 rows of counters, never a scan of users."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.domains.slots.cycle import CYCLES, Cycle, Place
from app.ledger.upsert import inserting
from app.models.slot_load import SlotKind, SlotLoad

#: Users per minute of each slot.
Minutes = dict[int, list[int]]
Loads = dict[SlotKind, Minutes]

#: The golden section of a slot, without a common divisor: minutes that far apart fill it evenly, each once a round.
STRIDES: Mapping[SlotKind, int] = {"hour": 37, "day": 889}


def read_loads(session: Session) -> Loads:
    """Users per slot and minute, as they are now."""
    return _loads(session, _counted)


def lock_loads(session: Session) -> Loads:
    """The same, locked until the caller's transaction ends: who assigns next sees what this one did."""
    loads = _loads(session, _counted.with_for_update())
    if sum(map(len, loads.values())) < sum(cycle.slots for cycle in CYCLES):
        _create_counters(session)
        loads = _loads(session, _counted.with_for_update())
    return loads


def take(session: Session, loads: Loads, cycle: Cycle, count: int) -> list[Place]:
    """Places for that many users, each in the least loaded minute of the least loaded slot. Counts them.

    From balanced loads it keeps the fullest and the emptiest slot within one user of each other (CONTRACTS C7), and the
    fullest and the emptiest minute of each slot too.
    """
    users = {slot: sum(minutes) for slot, minutes in sorted(loads[cycle.kind].items())}
    slots = least_loaded(users, count)
    free = {slot: iter(_emptiest(cycle, loads, slot, taken)) for slot, taken in Counter(slots).items()}
    places = [Place(slot, next(free[slot])) for slot in slots]
    count_in(session, loads, cycle, arrive=places)
    return places


def count_in(
    session: Session, loads: Loads, cycle: Cycle, *, arrive: Sequence[Place] = (), leave: Sequence[Place] = ()
) -> None:
    """Users come to these places, and go from those."""
    minutes = loads[cycle.kind]
    for place in arrive:
        minutes[place.slot][place.minute] += 1
    for place in leave:
        minutes[place.slot][place.minute] -= 1
    if changed := {place.slot for place in (*arrive, *leave)}:
        rows = [
            {"kind": cycle.kind, "slot": slot, "users": sum(minutes[slot]), "minutes": minutes[slot]}
            for slot in sorted(changed)
        ]
        session.execute(update(SlotLoad), rows)


def least_loaded(users: Mapping[int, int], count: int) -> list[int]:
    """The emptiest for each of ``count`` more users, one after the other; the first of equals."""
    emptiest = [(load, rank, key) for rank, (key, load) in enumerate(users.items())]
    heapq.heapify(emptiest)
    taken = []
    for _ in range(count):
        load, rank, key = emptiest[0]
        heapq.heapreplace(emptiest, (load + 1, rank, key))
        taken.append(key)
    return taken


def scattered(cycle: Cycle) -> Iterator[int]:
    """Every minute of a slot once, in an order in which any first few are spread over all of it."""
    return (turn * STRIDES[cycle.kind] % cycle.minutes for turn in range(cycle.minutes))


def _emptiest(cycle: Cycle, loads: Loads, slot: int, count: int) -> list[int]:
    minutes = loads[cycle.kind][slot]
    return least_loaded({minute: minutes[minute] for minute in scattered(cycle)}, count)


_counted = select(SlotLoad.kind, SlotLoad.slot, SlotLoad.minutes).order_by(SlotLoad.kind, SlotLoad.slot)


def _loads(session: Session, counted: Select[SlotKind, int, list[int]]) -> Loads:
    loads: Loads = {cycle.kind: {} for cycle in CYCLES}
    for kind, slot, minutes in session.execute(counted):
        loads[kind][slot] = minutes
    return loads


def _create_counters(session: Session) -> None:
    rows = [
        {"kind": cycle.kind, "slot": slot, "users": 0, "minutes": [0] * cycle.minutes}
        for cycle in CYCLES
        for slot in range(cycle.slots)
    ]
    session.execute(inserting(session.connection(), SlotLoad).on_conflict_do_nothing(), rows)
