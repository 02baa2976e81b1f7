"""``toril slots``: how users are spread, what workers that takes, and how to spread them again."""

from __future__ import annotations

from collections.abc import Sequence

import click

from app import db
from app.clock import utc_now
from app.commands.printing import show, show_table
from app.domains.slots.cycle import Cycle, Place
from app.domains.slots.rebalance import Move, carry_out, plan
from app.domains.slots.stats import SlotStats, Spread, stats
from app.ledger import audit

WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@click.group(invoke_without_command=True)
@click.pass_context
def slots(context: click.Context) -> None:
    """Show users per hour and day (UTC), how even each minute is, and how many workers they need."""
    if context.invoked_subcommand is not None:
        return
    with db.reading() as session:
        found = stats(session)
    show(found.as_dict(), lambda: _in_words(found))


def _in_words(found: SlotStats) -> None:
    show_table(("HOUR", "USERS"), [(f"{hour:02}", users) for hour, users in found.daily.users.items()])
    click.echo(_evenness(found.daily) + "\n")
    show_table(("DAY", "USERS"), [(WEEKDAYS[day], users) for day, users in found.weekly.users.items()])
    click.echo(_evenness(found.weekly) + "\n")
    click.echo(_workers(found))


@slots.command()
@click.option("--yes", is_flag=True, help="Do it. Without, the moves are only shown.")
@click.option("--why", help="For the audit trail.")
def rebalance(yes: bool, why: str | None) -> None:
    """Show every move that makes slots even again; with --yes, make them.

    Nobody's data gets older for it: whoever's next turn would come too late gets one extra run.
    """
    now = utc_now()
    with db.reading() as session:
        moves = plan(session, now)
    moved = carry_out(moves, now) if yes else 0
    if yes:
        with db.session() as session:
            audit.record(session, "cli", "slots.rebalanced", "slots", at=now, why=why, details={"moved": moved})
    facts = [dict(zip(("user", "update", "from", "to", "extra_run"), _row(move), strict=True)) for move in moves]
    show({"moves": facts, "moved": moved}, lambda: _moves_in_words(moves, moved, yes=yes))


def _moves_in_words(moves: Sequence[Move], moved: int, *, yes: bool) -> None:
    show_table(("USER", "UPDATE", "FROM", "TO", "EXTRA RUN (UTC)"), list(map(_row, moves)))
    extra = sum(move.extra is not None for move in moves)
    click.echo(f"{len(moves)} moves, {extra} with an extra run")
    if not yes:
        click.echo("nothing was moved; --yes does it")
        return
    left = len(moves) - moved
    click.echo(f"{moved} were moved" + (f"; {left} have been promised, moved or removed since" if left else ""))


def _row(move: Move) -> tuple[object, ...]:
    extra = move.extra and f"{move.extra.at:%Y-%m-%d %H:%M}"
    return move.user_id, move.cycle.cadence, _place(move.cycle, move.old), _place(move.cycle, move.new), extra


def _place(cycle: Cycle, place: Place) -> str:
    if cycle.kind == "hour":
        return f"{place.slot:02}:{place.minute:02}"
    return f"{WEEKDAYS[place.slot]} {place.minute // 60:02}:{place.minute % 60:02}"


def _evenness(spread: Spread) -> str:
    if spread.peak_to_mean is None:
        return "no users"
    peak, mean, ratio = spread.peak_minute, spread.mean_minute, spread.peak_to_mean
    return f"fullest minute {peak} users, mean {mean:.2f}, peak to mean {ratio:.3f}"


def _workers(found: SlotStats) -> str:
    workers = found.workers
    formula = f"workers by the formula ceil(users/1000)*2: {workers.by_formula}"
    if workers.busy_s is None:
        return f"{formula}; no update is completed yet, so none by measure"
    return (
        f"{formula}; by measure: {workers.by_measure} "
        f"({workers.updates_per_day:.0f} updates a day x {workers.busy_s:.1f} s, mean of {workers.measured}, "
        f"/ concurrency {workers.concurrency})"
    )
