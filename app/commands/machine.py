"""``toril migrate`` and ``run``: what a machine needs."""

from __future__ import annotations

import sys

import click

from app import db
from app.commands.printing import say
from app.migrations.run import upgrade, write_revision


@click.command()
@click.option("--new", metavar="MESSAGE", help="For developers: write the migration to the models instead.")
def migrate(new: str | None) -> None:
    """Bring the database to the newest schema."""
    if new is not None:
        write_revision(new, db.engine())
        return
    applied = upgrade()
    say(f"applied {', '.join(applied)}" if applied else "nothing to apply", applied=list(applied))


@click.command()
@click.option("--once", is_flag=True, help="Stop after every demo user has been refreshed; 0 only if all completed.")
def run(once: bool) -> None:
    """Start everything on this machine, with a simulator of Amazon and demo users."""
    from app.run import main

    sys.exit(main(once=once))
