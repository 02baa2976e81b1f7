"""`toril run`: the whole system on this machine, shown at work on demo users."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from sqlalchemy import Select, select

from app import db, demo
from app.auth.passwords import hash_password
from app.clock import utc_now
from app.jobs.catalog import worker_threads
from app.jobs.user_updates import enqueue_users
from app.migrations.run import upgrade
from app.models.job_status import Status
from app.models.seller_account import SellerAccount
from app.run import supervisor
from app.run.place import CannotStart, alone_in, check_no_orphans, check_ports
from app.run.results import Outcome, table
from app.run.watch import Stopped, until_ended, until_healthy
from app.settings import settings

ROOT = Path(__file__).resolve().parents[2]
PLAIN_WIDTH = 120  # of a pipe or a file, which say nothing of their own


def main(*, once: bool) -> int:
    """Start everything, refresh every user, show how it went, and stay until Ctrl-C.

    With ``once`` it ends after the table. Returns the exit code: 0, or 1 when a refresh did not complete, 2 when
    something stood in the way of starting.
    """
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        with alone_in(settings().var_dir.resolve()):
            check_no_orphans(settings().var_dir.resolve() / "supervisord.pid")
            check_ports(_ports())
            upgrade()
            _add_demo_users(console)
            with _everything(console) as supervisord:
                return _show(supervisord, console, once=once)
    except (CannotStart, Stopped) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        return 0 if not once else 130


def users_with_accounts() -> Select[str]:
    """Everybody who has something to refresh."""
    return select(SellerAccount.user_id).distinct().order_by(SellerAccount.user_id)


def _ports() -> dict[str, tuple[str, int]]:
    ports = {"WEB_PORT": (settings().web_host, settings().web_port)}
    if settings().uses_embedded_redis:
        ports["EMBEDDED_REDIS_PORT"] = ("127.0.0.1", settings().embedded_redis_port)
    if settings().uses_simulator:
        ports["AMAZON_SIMULATOR_PORT"] = ("127.0.0.1", settings().amazon_simulator_port)
    if settings().uses_leads_server:
        ports["LEADS_SERVER_PORT"] = ("127.0.0.1", settings().leads_server_port)
    if settings().uses_status_server:
        ports["STATUS_SERVER_PORT"] = ("127.0.0.1", settings().status_server_port)
    return ports


def _add_demo_users(console: Console) -> None:
    with db.session() as session:
        if demo.is_empty(session):
            added = demo.add_users(session, hash_password(demo.PASSWORD))
            demo.add_services(session, utc_now())
            demo.add_publishers(session, added)
            console.print(f"Added {len(added)} demo users.")


@contextmanager
def _everything(console: Console) -> Iterator[subprocess.Popen[bytes]]:
    """All processes, started together and healthy; stopped in order at the end of the block."""
    logs = settings().var_dir.resolve() / "log"
    supervisord = supervisor.start(supervisor.LOCAL, supervisor.environment(settings(), worker_threads()), ROOT)
    try:
        console.print(f"Starting (logs in {logs}) …")
        until_healthy(supervisord, f"{_url()}/health", logs)
        yield supervisord
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        console.print("Stopping: running jobs end first …")
        supervisor.stop(supervisord)


def _show(supervisord: subprocess.Popen[bytes], console: Console, *, once: bool) -> int:
    with db.reading() as session:
        user_ids = list(session.scalars(users_with_accounts()))
    found = until_ended(supervisord, enqueue_users(user_ids), settings().var_dir.resolve() / "log", console)
    completed = sum(outcome.status == Status.COMPLETED for outcome in found)
    console.print(table(found))
    console.print(f"{completed} of {len(found)} completed.")
    if not once:
        _invite(console, found)
        supervisord.wait()
        raise Stopped(f"supervisord ended with {supervisord.returncode}")
    return 0 if completed == len(found) else 1


def _invite(console: Console, found: Sequence[Outcome]) -> None:
    """Where to look next, and as whom."""
    user = found[0].user if found else demo.OPERATOR
    body = f'{{"email": "{user}", "password": "{demo.PASSWORD}"}}'
    for line in (
        f"Health    {_url()}/health",
        f"Sign in   curl -s -H 'Content-Type: application/json' -d '{body}' {_url()}/auth/token",
        f"          or as {demo.OPERATOR}, who may see and do more; demo users only",
        "Ctrl-C stops everything.",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _url() -> str:
    return f"http://{settings().web_host}:{settings().web_port}"


def _as_interrupt(_signal: int, _frame: object) -> NoReturn:
    """SIGTERM stops as Ctrl-C does."""
    raise KeyboardInterrupt
