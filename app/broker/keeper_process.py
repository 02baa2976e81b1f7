"""One keeper, from its start to its end, and the two pipes to it."""

from __future__ import annotations

import faulthandler
import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.broker.keeper_settings import KeeperSettings
from app.broker.pipe import Lines, decode, encode

PIPE_BYTES = 1 << 20
_HOME = Path(__file__).parents[2]


class KeeperProcess:
    """A child of this process. Raises OSError if it cannot be started.

    With ``report_faults``, the traceback of a fatal signal goes to it: it logs the text and names the signal as the
    cause of our death.
    """

    def __init__(self, settings: KeeperSettings, *, report_faults: bool = False) -> None:
        # Raw descriptors, which no child inherits: they close when this process ends, not when it tidies up.
        told, self._tells = os.pipe()
        hears, answers = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.broker.keeper"],
                cwd=_HOME,
                stdin=told,
                stdout=answers,
                start_new_session=True,
                pass_fds=() if settings.slate_fd is None else (settings.slate_fd,),
            )
        except OSError:
            os.close(self._tells)
            os.close(hears)
            raise
        finally:
            os.close(told)
            os.close(answers)
        self.pid = self._process.pid
        self._hears = Lines(hears)
        self._reports_faults = report_faults
        self._broken = False
        _widen(self._tells)
        os.set_blocking(self._tells, False)
        if report_faults:
            faulthandler.enable(self._tells)
        self._write(settings.to_line())

    def say(self, *words: object) -> None:
        """Tell it something. Never blocks, never fails; not thread-safe."""
        self._write(encode(*words))

    def hear(self, patience_s: float) -> list[list[Any]]:
        """What it answers within that time: nothing if it is silent, or ``dead``."""
        if not select.select([self._hears.fd], [], [], max(patience_s, 0.0))[0]:
            return []
        return [words for line in self._hears.arrived() if (words := decode(line))]

    def dead(self) -> bool:
        """Whether all that it ever answered has been heard."""
        return self._hears.closed

    def end(self) -> None:
        """Kill it, unless it has ended, and reap it. Its pipes stay open: ``let_go`` closes them."""
        self._process.kill()
        self._process.wait()

    def let_go(self) -> None:
        """Close the pipes, after its ``end``: a living keeper that sees its pipe close kills this process."""
        if self._tells < 0:
            return
        if self._reports_faults:
            faulthandler.enable()
        os.close(self._tells)
        os.close(self._hears.fd)
        self._tells, self._broken = -1, True

    def _write(self, line: bytes) -> None:
        """One line, whole or not at all: then the keeper is beyond help, and its end is heard."""
        if self._broken:
            return
        try:
            self._broken = os.write(self._tells, line) != len(line)
        except (BlockingIOError, BrokenPipeError):
            self._broken = True
        if self._broken:
            self._process.kill()


def _widen(fd: int) -> None:
    """Room for a whole list of jobs; where a pipe cannot grow, 64 KiB hold some 300."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
