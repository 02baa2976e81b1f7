"""``toril crontab``: every entry in words, and when it runs next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click

from app import db
from app.clock import utc_now
from app.commands.printing import show, show_table
from app.crontab.table import SHOWN, Line, lines, markdown


@click.command()
@click.option("--markdown", "as_page", is_flag=True, help="Write docs/crontab.md: what the code brings.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Show runs from this day (UTC) on, not from now.")
def crontab(as_page: bool, since: datetime | None) -> None:
    """Show every entry of the crontab: its schedule in words, and its next runs."""
    now = since.replace(tzinfo=UTC) if since else utc_now()
    if as_page:
        click.echo(markdown(now), nl=False)
        return
    with db.reading() as session:
        table = lines(session, now, runs=2)
    show([asdict(one) for one in table], lambda: _in_words(table))


def _in_words(table: Sequence[Line]) -> None:
    rows = [(one.id, one.words, one.state, ", ".join(f"{run:{SHOWN}}" for run in one.next_runs)) for one in table]
    show_table(("ENTRY", "WHEN", "STATE", "NEXT (UTC)"), rows)
