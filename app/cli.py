"""The ``toril`` command: what an operator does without the API.

Exit codes: 0 done, 1 refused or unhealthy, 2 wrong usage, 3 Redis or the database is away.
"""

from __future__ import annotations

import logging
import sys

import click
from pydantic import ValidationError

from app import log
from app.api.errors import STATUSES, outage_of
from app.backup import BackupRefused
from app.broker.renaming import NotRenamed
from app.commands.backup import backup, restore
from app.commands.crontab import crontab
from app.commands.doctor import doctor
from app.commands.jobs import enqueue, status
from app.commands.keys import keys
from app.commands.machine import migrate, run
from app.commands.printing import speaks_json
from app.commands.queues import rename_queue
from app.commands.slots import slots
from app.commands.tokens import tokens
from app.commands.top import top
from app.commands.users import users
from app.secrets import InvalidEncryptionKey, SecretUnreadable

REFUSED, AWAY = 1, 3

#: Errors whose message is all that the caller needs.
REFUSALS: tuple[type[Exception], ...] = (*STATUSES, BackupRefused, NotRenamed, InvalidEncryptionKey, SecretUnreadable)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def toril() -> None:
    """Background jobs that nothing loses: users, jobs, and the state of this machine."""


for command in (
    users,
    tokens,
    keys,
    enqueue,
    status,
    crontab,
    slots,
    top,
    doctor,
    migrate,
    run,
    backup,
    restore,
    rename_queue,
):
    toril.add_command(speaks_json(command))


def main() -> None:
    """Run one command; every foreseen error is one line on stderr and an exit code."""
    log.configure("console")
    logging.getLogger("app.broker.told").setLevel(logging.WARNING)  # a command says itself what it has added
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        toril()
    except ValidationError as invalid:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}" for fault in invalid.errors()]
        _fail("the settings are not valid: " + "; ".join(faults), REFUSED)
    except REFUSALS as refused:
        _fail(str(refused), REFUSED)
    except Exception as error:
        outage = outage_of(error)
        if outage is None:
            raise
        _fail(f"{outage}; `toril doctor` says more", AWAY)


def _fail(message: str, code: int) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
