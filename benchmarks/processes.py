"""Process trees: start one, read its CPU, end it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

GRACE_S = 3


@contextmanager
def running(command: list[str], env: Mapping[str, str], log: Path) -> Iterator[psutil.Process]:
    """That process for the length of the block; at its end the whole tree is gone."""
    with log.open("ab") as output, subprocess.Popen(command, env=env, stdout=output, stderr=output) as process:
        tree = psutil.Process(process.pid)
        try:
            yield tree
        finally:
            end(tree)


def members(root: psutil.Process) -> list[psutil.Process]:
    """A process and all that descend from it."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_s(root: psutil.Process) -> float:
    """CPU seconds of the tree so far."""
    used = 0.0
    for process in members(root):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
    return used


def kill(processes: list[psutil.Process]) -> None:
    """SIGKILL for all of them, at once."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def end(root: psutil.Process) -> None:
    """Kill the whole tree: nothing that it holds is needed any more."""
    tree = members(root)
    kill(tree)
    psutil.wait_procs(tree, timeout=GRACE_S)
