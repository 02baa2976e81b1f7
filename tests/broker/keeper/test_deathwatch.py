"""Whether another process has died: known at once, and never mistaken for a later one with its number."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.broker import deathwatch
from app.broker.deathwatch import DeathWatch


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its end."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture(params=["by the system", "polled"])
def watch(
    request: pytest.FixtureRequest, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> Iterator[DeathWatch]:
    """A watch on that process, as this system does it and as one without pidfd and kqueue does."""

    def refuse(pid: int) -> tuple[int, object]:
        raise OSError("not on this system")

    if request.param == "polled":
        monkeypatch.setattr(deathwatch, "_open", refuse)
    watch = DeathWatch(child.pid)
    yield watch
    watch.close()


def test_a_living_process_is_not_dead(watch: DeathWatch) -> None:
    """However often one asks."""
    assert not watch.dead()
    assert not watch.dead()


def test_a_signalled_process_is_dead_and_stays_so(watch: DeathWatch, child: subprocess.Popen[bytes]) -> None:
    """Signalling it again does nothing."""
    watch.send(signal.SIGKILL)
    child.wait()

    assert watch.dead()
    watch.send(signal.SIGKILL)
    assert watch.dead()


def test_a_zombie_is_dead(child: subprocess.Popen[bytes]) -> None:
    """A parent that is slow to reap its worker delays no hand-back."""
    watch = DeathWatch(child.pid)
    fd = watch.fileno()
    assert fd is not None
    os.kill(child.pid, signal.SIGKILL)

    readable, _, _ = select.select([fd], [], [], 5)

    assert readable == [fd]
    assert watch.dead()
    watch.close()


def test_a_process_that_died_before_the_watch_is_dead(child: subprocess.Popen[bytes]) -> None:
    """There is no gap at the start."""
    child.kill()
    child.wait()

    assert DeathWatch(child.pid).dead()


def test_a_parent_that_is_not_ours_any_more_is_dead(child: subprocess.Popen[bytes]) -> None:
    """Its number may belong to somebody else by now: that one is neither watched nor signalled."""
    watch = DeathWatch(child.pid, is_parent=True)

    watch.send(signal.SIGKILL)

    assert watch.dead()
    assert child.poll() is None
    watch.close()
