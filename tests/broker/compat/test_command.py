"""The real ``dramatiq`` command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.broker.broker import BullMQBroker
from tests.broker.compat import programs
from tests.broker.test_runs import ended


@contextmanager
def command(*arguments: str, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, asked to stop at the end of the block, and killed if it does not."""
    dramatiq = str(Path(sys.executable).with_name("dramatiq"))
    process = subprocess.Popen(
        [dramatiq, *arguments, "--processes", "1", "--threads", "2"],
        env=os.environ | {"REDIS_URL": redis_url},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_it_serves_the_chosen_queues_of_several_modules(broker: BullMQBroker, redis_url: str) -> None:
    """``dramatiq first second --queues first second``: the third queue waits; SIGTERM ends it well."""
    ids = {
        name: broker.queue(name).add(job, {}) for name, job in (("first", "one"), ("second", "two"), ("third", "three"))
    }
    modules = [f"{programs.__name__}.{module}" for module in ("first", "second")]

    with command(*modules, "--queues", "first", "second", redis_url=redis_url) as process:
        values = [ended(broker.queue(name), ids[name]).return_value for name in ("first", "second")]

    assert values == modules
    assert broker.queue("third").job_state(ids["third"]) == "waiting"
    assert process.returncode == 0
