"""``toril backup`` and ``restore``: the database in a file, and back; the queues are rebuilt from it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from app import backup as backups
from app import db
from app.backup import BackupRefused
from app.broker import keys
from app.clock import utc_now
from app.commands.printing import say
from app.jobs.engine import broker
from app.ledger.workers import living

FILE = click.Path(dir_okay=False, path_type=Path)
#: As long as a worker counts as alive for the reconciler.
SILENCE = timedelta(seconds=15)


@click.command()
@click.argument("file", type=FILE)
@click.option("--yes", is_flag=True, help="Replace FILE if there is one.")
def backup(file: Path, *, yes: bool) -> None:
    """Write the database, as it is at this moment, to FILE; everything else may go on running.

    Secrets stay sealed in it: keep ENCRYPTION_KEYS elsewhere, the file is useless without them.
    """
    if file.exists() and not yes:
        click.confirm(f"{file} exists. Replace it?", abort=True)
    rows = backups.write(db.engine(), file)
    total, size = sum(rows.values()), file.stat().st_size
    say(f"{file}: {total} rows, {size} bytes", file=str(file), rows=total, bytes=size)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Replace what the database holds.")
def restore(file: Path, *, yes: bool) -> None:
    """Make the database what FILE says. Stop web, workers, producer and clock first.

    Into SQLite or PostgreSQL, whichever the backup is of. Once the producer runs again, every job that had not ended
    is in its queue again, and what was paused stays paused.
    """
    engine = db.engine()
    broker().redis.ping()  # before anything is changed: it must hear of the restore
    if not backups.is_empty(engine):
        with engine.connect() as connection:
            if alive := living(connection, utc_now() - SILENCE):
                raise BackupRefused(f"{', '.join(sorted(alive))} ran a moment ago: stop workers and producer first")
        if not yes:
            click.confirm("The database is not empty. Replace all of it?", abort=True)
    rows = backups.restore(engine, file)
    # For the reconciler Redis has now lost something: which of its jobs the rows know, and which not.
    broker().redis.delete(keys.epoch(broker().prefix))
    total = sum(rows.values())
    say(f"{total} rows of {file} are in the database; the producer rebuilds the queues", file=str(file), rows=total)
