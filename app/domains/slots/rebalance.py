"""Move users from full to empty slots, after many have left, so that nobody's data is older for it than promised.

A user's last promise stands. Where their next turn at the new place would come more than a gap after it, they get one
extra run: the next turn of the place that they leave. Where it comes sooner, that is their extra run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app import db
from app.clock import EPOCH
from app.domains.slots.cycle import CYCLES, Cycle, Place, moment
from app.domains.slots.load import Minutes, count_in, lock_loads, read_loads
from app.domains.slots.pace import Turn
from app.domains.slots.rounds import update_jobs
from app.jobs.enqueue import enqueue_with
from app.models.schedule import UserUpdateSchedule

#: Moves in one transaction.
CHUNK = 500
#: A slot that begins sooner may be promised while a user is on the way to it: it is not counted on.
MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Move:
    """A user goes from one place of a cycle to another. ``extra``: the run that they get in between, if any."""

    cycle: Cycle
    user_id: str
    old: Place
    new: Place
    extra: Turn | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A user in a cycle: their place, and what they were promised last."""

    user_id: str
    place: Place
    promised_slot: datetime
    promised_minute: int


def plan(session: Session, now: datetime) -> list[Move]:
    """The fewest moves after which every slot, and every minute of a slot, is within one user of every other.

    Users who cannot be moved now (``may_move``) are passed over: the next plan has them.
    """
    loads = read_loads(session)
    return list(chain.from_iterable(_plan_cycle(session, cycle, loads[cycle.kind], now) for cycle in CYCLES))


def carry_out(moves: Sequence[Move], now: datetime) -> int:
    """Move them, some at a time; returns how many were moved. Whoever was promised, moved or removed since stays."""
    return sum(_carry_out_some(moves[first : first + CHUNK], now) for first in range(0, len(moves), CHUNK))


def may_move(cycle: Cycle, user: Standing, now: datetime) -> bool:
    """Whether what comes next is known: not so soon after a move, nor while the producer is behind with their slot."""
    if user.promised_slot == EPOCH:
        return True
    is_settled = user.place == (cycle.number(user.promised_slot), user.promised_minute)
    return is_settled and user.promised_slot + cycle.gap > now


def move_to(cycle: Cycle, user: Standing, new: Place, now: datetime) -> Move:
    """The move, with the run that it needs lest a gap exceeds the cycle's."""
    if user.promised_slot == EPOCH:
        return Move(cycle, user.user_id, user.place, new, None)
    old_slot = user.promised_slot + cycle.gap
    new_slot = old_slot if new.slot == user.place.slot else cycle.next_slot(new.slot, now + MARGIN)
    extra = Turn(user.user_id, old_slot, moment(old_slot, user.promised_minute, user.user_id))
    if moment(new_slot, new.minute, user.user_id) <= extra.at:
        return Move(cycle, user.user_id, user.place, new, None)
    return Move(cycle, user.user_id, user.place, new, extra)


def relocate(session: Session, cycle: Cycle, moves: Sequence[Move], now: datetime) -> list[Move]:
    """Move users of one cycle in the caller's transaction; returns the moves that were made, as they are now."""
    loads = lock_loads(session)
    # Whoever is just being promised is passed over: waiting for them could be a deadlock.
    locked = _standings(cycle).with_for_update(skip_locked=True)
    asked = {move.user_id: move for move in moves}
    users = _read(session, locked.where(UserUpdateSchedule.user_id.in_(asked)))
    made = [
        move_to(cycle, user, asked[user.user_id].new, now)
        for user in users
        if user.place == asked[user.user_id].old and may_move(cycle, user, now)
    ]
    if made:
        slot, minute = cycle.slot.key, cycle.minute.key
        rows = [{"user_id": move.user_id, slot: move.new.slot, minute: move.new.minute} for move in made]
        session.execute(update(UserUpdateSchedule), rows)
    count_in(session, loads, cycle, arrive=[move.new for move in made], leave=[move.old for move in made])
    return made


def _carry_out_some(moves: Sequence[Move], now: datetime) -> int:
    made = 0
    with db.session() as session:
        for cycle in CYCLES:
            moved = relocate(session, cycle, [move for move in moves if move.cycle is cycle], now)
            extra = [move.extra for move in moved if move.extra is not None]
            if extra:
                enqueue_with(session, list(update_jobs(cycle, extra, "-moved")))
            made += len(moved)
    return made


def _plan_cycle(session: Session, cycle: Cycle, loads: Minutes, now: datetime) -> Iterator[Move]:
    """Each place that has too many users, with the place that is to have them; then the users themselves."""
    destinations: dict[Place, list[Place]] = {}
    for old, new in exchanges(loads):
        destinations.setdefault(old, []).append(new)
    if not destinations:
        return
    fullest = _standings(cycle).where(cycle.slot.in_({place.slot for place in destinations}))
    for user in _read(session, fullest):
        if destinations.get(user.place) and may_move(cycle, user, now):
            yield move_to(cycle, user, destinations[user.place].pop(), now)


def exchanges(loads: Minutes) -> Iterator[tuple[Place, Place]]:
    """From where to where one user each must go. Within the slot as far as that will do, else to another one."""
    wanted = level({slot: sum(minutes) for slot, minutes in loads.items()})
    from_slots: list[Place] = []
    to_slots: list[Place] = []
    for slot, minutes in sorted(loads.items()):
        users = dict(enumerate(minutes))
        goal = level(users, wanted[slot])
        leave = [Place(slot, minute) for minute, count in users.items() for _ in range(count - goal[minute])]
        arrive = [Place(slot, minute) for minute, count in users.items() for _ in range(goal[minute] - count)]
        within = min(len(leave), len(arrive))
        yield from zip(leave[:within], arrive[:within], strict=True)
        from_slots += leave[within:]
        to_slots += arrive[within:]
    yield from zip(from_slots, to_slots, strict=True)


def level(users: Mapping[int, int], total: int | None = None) -> dict[int, int]:
    """So many users, by default as many as there are, spread within one of each other; the fullest keep one more."""
    even, more = divmod(sum(users.values()) if total is None else total, max(len(users), 1))
    fullest = set(sorted(users, key=lambda key: -users[key])[:more])
    return {key: even + (key in fullest) for key in users}


def _standings(cycle: Cycle) -> Select[str, int, int, datetime, int]:
    return select(
        UserUpdateSchedule.user_id, cycle.slot, cycle.minute, cycle.promised_slot, cycle.promised_minute
    ).order_by(UserUpdateSchedule.user_id)


def _read(session: Session, standings: Select[str, int, int, datetime, int]) -> Iterable[Standing]:
    for user_id, slot, minute, promised_slot, promised_minute in session.execute(standings).yield_per(1_000):
        yield Standing(user_id, Place(slot, minute), promised_slot, promised_minute)
