"""``toril top``: what the installation does right now, in the terminal."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from app import db
from app.alerts.state import firing
from app.api.errors import outage_of
from app.clock import utc_now
from app.commands.printing import show
from app.domains.maintenance.statistics import queue_counts, workers
from app.domains.refresh import lateness
from app.domains.slots import stats
from app.ledger.figures.reading import queue_series

#: By its name in ``queue_counts``, the heading; what is never zero for long stands last.
COLUMNS = {"waiting": "WAIT", "active": "RUN", "delayed": "LATER", "failed": "FAILED", "completed": "DONE"}


@click.command()
@click.option("--once", is_flag=True, help="Print one frame and end.")
@click.option("--every", "every_s", type=click.FloatRange(0.2), default=2.0, show_default=True, help="Seconds.")
def top(*, once: bool, every_s: float) -> None:
    """Show queues, workers, late users and alerts, again and again; Ctrl-C ends it."""
    if once:
        found = look()
        show(found, lambda: Console().print(frame(found)))
        return
    with Live(auto_refresh=False, screen=True) as live, suppress(KeyboardInterrupt):
        while True:
            live.update(_frame_or_outage(), refresh=True)
            time.sleep(every_s)


def look() -> dict[str, Any]:
    """Everything that a frame shows, read now. ``queues`` is None while Redis does not answer."""
    now, counts = utc_now(), queue_counts()
    with db.reading() as session:
        ended = {one.queue: one.total for one in queue_series(session, "1h", now)}
        return {
            "at": now.isoformat(),
            "workers": workers(session, now),
            "users": stats.daily_freshness(session, now).users,
            "late": lateness.count_of(session, lateness.late_users(now)),
            "alerts": [alert.text for alert in firing(session)],
            "queues": None
            if counts is None
            else {
                name: {
                    **of_queue,
                    "waiting": of_queue["waiting"] + of_queue["prioritized"],
                    "endedLastHour": ended[name].ended if name in ended else 0,
                    "waitP95Ms": ended[name].wait_p95_ms if name in ended else None,
                    "runP95Ms": ended[name].run_p95_ms if name in ended else None,
                }
                for name, of_queue in counts.items()
            },
        }


def _frame_or_outage() -> Group:
    """What is away comes back, and is looked at again then."""
    try:
        return frame(look())
    except Exception as error:
        if (outage := outage_of(error)) is None:
            raise
        return Group(Text(outage, style="red"))


def frame(found: dict[str, Any]) -> Group:
    """It fits 80 columns."""
    tone = "red" if found["late"] or not found["workers"] else "green"
    head = Text.assemble(
        ("Toril ", "bold"),
        f"{found['at'][:19]}Z  ",
        (f"{found['workers']} workers  {found['late']} of {found['users']} users late", tone),
    )
    alerts = [Text(f"! {text}", style="red") for text in found["alerts"]]
    if found["queues"] is None:
        return Group(head, *alerts, Text("Redis does not answer: nothing starts until it is back.", style="red"))
    return Group(head, *alerts, _table(found["queues"]))


def _table(queues: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("QUEUE", no_wrap=True)
    for heading in (*COLUMNS.values(), "1H", "WAIT P95", "RUN P95"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, of_queue in queues.items():
        counts = [str(of_queue[column]) for column in (*COLUMNS, "endedLastHour")]
        measured = [_took(of_queue["waitP95Ms"]), _took(of_queue["runP95Ms"])]
        style = "yellow" if of_queue["paused"] else "red" if of_queue["failed"] else None
        table.add_row(f"{name} Ⅱ" if of_queue["paused"] else name, *counts, *measured, style=style)
    return table


def _took(ms: int | None) -> str:
    if ms is None:
        return "-"
    return f"{ms} ms" if ms < 1_000 else f"{ms / 1_000:.1f} s"
