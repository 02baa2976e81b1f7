"""Worker programs for tests: the real ``dramatiq`` command, killed in the ways that programs are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.servers import wait_for


@dataclass(frozen=True)
class Line:
    """What an actor wrote in the diary."""

    event: str
    name: str
    pid: int
    at: float


class WorkerProgram:
    """``dramatiq -p 1``: a master, its worker, and the worker's keeper."""

    def __init__(
        self, module: str, environment: dict[str, str], log: Path, *, threads: int = 4, grace_ms: int = 1_000
    ) -> None:
        # A worker that dies while it boots is noticed by its master after the fork timeout.
        command = [str(Path(sys.executable).with_name("dramatiq")), module, "-p", "1", "-t", str(threads)]
        command += ["--worker-fork-timeout", "1000", "--worker-shutdown-timeout", str(grace_ms)]
        with log.open("a") as output:
            self.master = psutil.Popen(
                command,
                env=os.environ | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._log = log

    def wait_until_ready(self) -> None:
        """Returns when it takes jobs."""
        wait_for(self.is_ready, f"{self._log.stem} to be ready")

    def is_ready(self) -> bool:
        """Whether it has said so, and has not ended since."""
        return self.master.poll() is None and "ready for action" in self._log.read_text()

    @property
    def worker(self) -> psutil.Process:
        """The process that runs actors."""
        (worker,) = (child for child in self.master.children() if "resource_tracker" not in " ".join(child.cmdline()))
        return worker

    @property
    def keeper(self) -> psutil.Process:
        """The process that keeps the worker's locks."""
        (keeper,) = (child for child in self.worker.children() if "keeper" in " ".join(child.cmdline()))
        return keeper

    def kill_worker(self) -> None:
        """``kill -9`` of the process that runs actors."""
        self.worker.kill()

    def kill_worker_and_keeper(self) -> None:
        """As if the host were lost: nobody hands the jobs back."""
        worker, keeper = self.worker, self.keeper
        keeper.send_signal(signal.SIGSTOP)
        worker.send_signal(signal.SIGSTOP)
        keeper.kill()
        worker.kill()

    def terminate(self) -> None:
        """SIGTERM to the program, as a supervisor sends it."""
        self.master.terminate()

    def end(self) -> None:
        """Kill whatever is left of it."""
        for process in [*self._descendants(), self.master]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.master.wait()

    def _descendants(self) -> list[psutil.Process]:
        try:
            return self.master.children(recursive=True)
        except psutil.NoSuchProcess:
            return []


def diary(path: Path) -> list[Line]:
    """Everything that happened so far."""
    if not path.exists():
        return []
    words = (line.split() for line in path.read_text().splitlines())
    return [Line(event, name, int(pid), float(at)) for event, name, pid, at in words]
