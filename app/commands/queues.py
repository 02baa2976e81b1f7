"""``toril rename-queue``: a queue under another name, without loss (S3-24)."""

from __future__ import annotations

import click

from app.clock import utc_now
from app.commands.printing import say
from app.crontab.renaming import rename_queue as move


@click.command("rename-queue")
@click.argument("old")
@click.argument("new")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), default=30, show_default=True, help="Seconds for what runs."
)
def rename_queue(old: str, new: str, *, yes: bool, wait_s: float) -> None:
    """Move every job of queue OLD, whatever its state, to NEW, a queue of the catalog; OLD may hold a colon.

    Stop workers, producer and clock first, and point producers elsewhere to NEW. Killed midway, say it again.
    """
    if not yes:
        click.confirm(f"Pause {old!r}, and move all of it to {new!r}?", abort=True)
    keys, rows = move(old, new, by="toril", at=utc_now(), wait_s=wait_s)
    say(f"{old} is {new} now: {keys} keys and {rows} rows moved", old=old, new=new, keys=keys, rows=rows)
