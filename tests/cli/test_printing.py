"""Every command has ``--json``, and says by it what it says in words."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest
from rich.console import Console

from app.cli import toril as group
from app.commands import top
from app.jobs.catalog import queues
from tests.cli.conftest import Run

PASSWORD = "correct horse battery staple\n"


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All that can be called, by the words that call them."""
    below = command.commands if isinstance(command, click.Group) else {}
    for name, one in below.items():
        yield from commands(one, *path, name)
    if not below or (isinstance(command, click.Group) and command.invoke_without_command):
        yield path, command


@pytest.mark.parametrize(
    ("path", "command"), list(commands(group)), ids=lambda one: " ".join(one) if isinstance(one, tuple) else ""
)
def test_every_command_has_the_option(path: tuple[str, ...], command: click.Command) -> None:
    """Once."""
    assert [option.name for option in command.params].count("json") == 1


def test_json_and_words_tell_the_same(toril: Run) -> None:
    """Of a user, a job, the queue, the checks, the crontab and the slots."""
    added = json.loads(toril("users", "add", "ada@example.com", "--password-stdin", "--json", stdin=PASSWORD).stdout)
    jobs = json.loads(toril("enqueue", added["id"], "--json").stdout)["jobs"]
    listed = json.loads(toril("users", "list", "--json").stdout)
    status = json.loads(toril("status", "--json").stdout)
    checks = json.loads(toril("doctor", "--json").stdout)

    assert (added["email"], listed[0]["id"], listed[0]["verified"]) == ("ada@example.com", added["id"], None)
    assert [job["jobId"] for job in status["jobs"]] == jobs
    assert status["queue"]["waiting"] == 1
    assert {check["state"] for check in checks} <= {"ok", "warning", "wrong"}
    for words in (("crontab",), ("slots",), ("slots", "rebalance"), ("top", "--once"), ("keys", "new")):
        assert json.loads(toril(*words, "--json").stdout) is not None, words


def test_a_frame_of_top_fits_a_terminal_and_counts_every_queue(toril: Run) -> None:
    """80 columns; a refresh that waits is seen, and that nobody is there to take it."""
    user_id = toril("users", "add", "ada@example.com", "--password-stdin", stdin=PASSWORD).stdout.strip()
    toril("enqueue", user_id)

    found = json.loads(toril("top", "--once", "--json").stdout)
    with Console(width=80, record=True, force_terminal=False) as console:
        console.print(top.frame(found))
    shown = console.export_text()

    assert list(found["queues"]) == queues()
    assert (found["queues"]["user-updates"]["waiting"], found["workers"]) == (1, 0)
    assert "0 workers" in shown
    line = next(line for line in shown.splitlines() if line.startswith("user-updates"))
    assert line.split()[:3] == ["user-updates", "1", "0"]
    assert max(map(len, shown.splitlines())) <= 80


def test_top_says_that_redis_is_away(toril: Run) -> None:
    """And shows what the database knows."""
    shown = toril("top", "--once", REDIS_URL="redis://127.0.0.1:1")

    assert (shown.returncode, "Redis does not answer" in shown.stdout) == (0, True)
