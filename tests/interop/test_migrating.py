"""The programs of docs/migrating-from-bullmq.md do what it says, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.broker.broker import BullMQBroker
from tests.broker.workers import WorkerProgram
from tests.interop.conftest import missing
from tests.interop.node import HERE
from tests.servers import wait_for

ROOT = HERE.parent.parent
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """The page's blocks by their file names, written to a folder where both languages find what they import."""
    assert missing() is None
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    page = (ROOT / "docs" / "migrating-from-bullmq.md").read_text()
    blocks = {name or language: text for language, name, text in BLOCK.findall(page)}
    for name in blocks.keys() - {"text"}:
        (tmp_path / name).write_text(blocks[name])
    return blocks


@pytest.fixture
def environment(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """What the programs read."""
    return {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": f"{tmp_path}:{ROOT}"}


@pytest.fixture
def worker(programs: dict[str, str], environment: dict[str, str], tmp_path: Path) -> Iterator[WorkerProgram]:
    """``dramatiq mail -p 1 -t 4``."""
    program = WorkerProgram("mail", environment, tmp_path / "worker.log")
    yield program
    program.end()


def test_the_producer_gets_what_the_actor_returns(
    programs: dict[str, str], environment: dict[str, str], worker: WorkerProgram, tmp_path: Path
) -> None:
    """Node prints what the page says it prints."""
    worker.wait_until_ready()

    command = ["node", "producer.mjs"]
    printed = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True, timeout=20)

    assert printed == programs["text"]


def test_what_python_adds_is_there(programs: dict[str, str], environment: dict[str, str], tmp_path: Path) -> None:
    """Delayed, waiting, by a scheduler, in a flow."""
    subprocess.run([sys.executable, "add.py"], cwd=tmp_path, env=environment, check=True, timeout=20)

    queue = BullMQBroker(environment["REDIS_URL"]).queue("mail")
    wait_for(lambda: queue.get_job_counts()["waiting"] == 2, "what add.py adds")
    assert [job.data["user_id"] for job in queue.get_jobs(["delayed"])] == ["1", "8"]
    assert [job.data["user_id"] for job in queue.get_jobs(["waiting"])] == ["10", "9"]
    assert [job.name for job in queue.get_jobs(["waiting-children"])] == ["send_digest"]
    assert [scheduler.tz for scheduler in queue.get_job_schedulers()] == ["Europe/Madrid"]
