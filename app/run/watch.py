"""Watching a start, and watching jobs end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.run.place import CannotStart
from app.run.results import Outcome, outcomes, waiting

HEALTH_TIMEOUT_S = 90
END_TIMEOUT_S = 900
POLL_S = 0.25


class Stopped(Exception):
    """supervisord itself ended, and everything with it."""


def until_healthy(supervisord: subprocess.Popen[bytes], health_url: str, logs: Path) -> None:
    """Return when ``/health`` answers 200; CannotStart with the ends of the logs when it does not in time."""
    deadline = time.monotonic() + HEALTH_TIMEOUT_S
    while time.monotonic() < deadline:
        require_running(supervisord, logs)
        if _healthy(health_url):
            return
        time.sleep(POLL_S)
    raise CannotStart(f"{health_url} was not healthy within {HEALTH_TIMEOUT_S} s. The ends of the logs:\n{_ends(logs)}")


def until_ended(
    supervisord: subprocess.Popen[bytes], job_ids: Sequence[str], logs: Path, console: Console
) -> list[Outcome]:
    """Show a progress bar until every one of these jobs has ended, or 15 minutes are over; returns how each did."""
    deadline = time.monotonic() + END_TIMEOUT_S
    columns = (
        TextColumn("Refreshing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("users"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=len(job_ids))
        while True:
            found = outcomes(job_ids)
            ended = sum(outcome.ended for outcome in found)
            progress.update(bar, completed=ended, description=waiting(found))
            if ended == len(job_ids) or time.monotonic() > deadline:
                return found
            require_running(supervisord, logs)
            time.sleep(POLL_S)


def require_running(supervisord: subprocess.Popen[bytes], logs: Path) -> None:
    """Raises Stopped when supervisord has ended."""
    if supervisord.poll() is not None:
        raise Stopped(f"supervisord ended with {supervisord.returncode}. The ends of the logs:\n{_ends(logs)}")


def _healthy(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False


def _ends(logs: Path, lines: int = 12) -> str:
    ends = []
    for log in sorted(logs.glob("*.log")):
        tail = log.read_text(errors="replace").splitlines()[-lines:]
        ends.append("\n".join((f"--- {log}", *tail)))
    return "\n".join(ends) or f"(no logs in {logs})"
