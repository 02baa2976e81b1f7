"""The API and the dashboard under gunicorn, as production serves them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil
import requests

from tests.servers import free_port, wait_for

ROOT = Path(__file__).parents[1]
#: So many answer (gunicorn.conf.py).
PROCESSES = 2
#: They import the application before they answer: seconds each, and many on a busy machine.
BOOTS_WITHIN_S = 60


@dataclass(frozen=True)
class Web:
    """gunicorn's master; its children answer."""

    url: str
    master: psutil.Popen

    def get(self, path: str, **headers: str) -> str:
        """What is answered on a connection of its own, by whichever process takes it."""
        reply = requests.get(self.url + path, headers={"Connection": "close", **headers}, timeout=20)
        reply.raise_for_status()
        return reply.text

    def kill_one(self, child: psutil.Process) -> None:
        """``kill -9`` of one that answers; returns when another has taken its place."""
        child.kill()
        wait_for(lambda: len({*self.master.children()} - {child}) == PROCESSES, "gunicorn to replace a process")

    def replace_all(self) -> None:
        """As a deploy does; returns when others answer."""
        before = {*self.master.children()}
        self.master.send_signal(signal.SIGHUP)
        wait_for(lambda: before.isdisjoint(self.master.children()), "gunicorn to replace its processes", 30)
        # Whatever the answer is: until a new process takes the call, it waits.
        requests.get(self.url + "/health", headers={"Connection": "close"}, timeout=BOOTS_WITHIN_S)


@contextmanager
def gunicorn(directory: Path, environment: Mapping[str, str] = MappingProxyType({})) -> Iterator[Web]:
    """For the length of the block, from when all its processes answer; its log is ``web.log`` in that directory."""
    log, port = directory / "web.log", free_port()
    command = [str(Path(sys.executable).with_name("gunicorn")), "-c", str(ROOT / "gunicorn.conf.py")]
    with log.open("w") as output:
        master = psutil.Popen(
            [*command, "app.wsgi:application"],
            env=os.environ | dict(environment) | {"WEB_PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: log.read_text().count("Worker ready") == PROCESSES, "gunicorn to boot", BOOTS_WITHIN_S)
        yield Web(f"http://127.0.0.1:{port}", master)
    finally:
        master.terminate()
        master.wait(30)
