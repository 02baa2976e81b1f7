"""The keeper: a small process beside a worker that keeps its locks, and hands its jobs back the moment it dies.

``python -m app.broker.keeper``, started by ``app.broker.leases`` and by nobody else. It reads what the worker holds
from its standard input, and knows only Redis. Signals that end a group of processes do not end it: it goes when its
worker is dead and the worker's jobs are back. Source: RULES R18 to R20.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from contextlib import suppress

from redis.exceptions import RedisError

from app.broker.custody import Custody
from app.broker.deathwatch import DeathWatch
from app.broker.keeper_settings import KeeperSettings
from app.broker.locks import HeldJob, Key
from app.broker.pipe import Lines, decode, encode

log = logging.getLogger("keeper")

DYING_S = 0.2
"""How long a worker may live on after its pipe has closed."""
POLL_S = 0.1
"""How often a death is looked for where the system does not tell of it."""


class Keeper:
    """One worker's keeper. ``step`` does what is due; ``run`` steps until there is nothing left to keep."""

    def __init__(self, settings: KeeperSettings, lines: Lines, answers: int) -> None:
        self._settings = settings
        self._lines = lines
        self._answers = answers
        self._worker = DeathWatch(settings.worker_pid, is_parent=True)
        self._master = DeathWatch(settings.master_pid) if settings.master_pid else None
        self._custody = Custody(settings)
        self._overdue: set[Key] = set()
        self._cause = "killed or exited"
        self._stopping = False
        self._dismissed = False
        self._killed = False
        self._kill_at = float("inf")

    def run(self) -> None:
        """Returns when the worker is dead and its jobs are back, or when it has dismissed us."""
        while not (self._worker.dead() or self._dismissed):
            self.step()
        if self._dismissed:
            return
        self._listen()  # what it said last is still in the pipe
        charge = not (self._stopping or self._overdue)
        try:
            self._custody.hand_back_all(self._cause, charge=charge, overdue=self._overdue)
        except RedisError as error:
            log.error("the jobs of worker %s are left to the stalled check: %s", self._settings.worker, error)

    def step(self) -> None:
        """Wait for the next thing that is due, and do it."""
        self._wait()
        self._listen()
        if self._lines.closed and not self._is_dying():
            self._kill("its pipe closed while it lived")
        self._enforce_limits()
        self._follow_master()
        if time.monotonic() >= self._custody.look_at:
            self._custody.look()
        if time.monotonic() >= self._custody.renew_at:
            self._renew()
        if time.monotonic() >= self._custody.check_at:
            self._custody.check()

    def _wait(self) -> None:
        watched = [watch.fileno() for watch in (self._worker, self._master) if watch]
        descriptors = [fd for fd in watched if fd is not None]
        if not self._lines.closed:
            descriptors.append(self._lines.fd)
        due = min(self._custody.renew_at, self._custody.check_at, self._custody.look_at)
        if not self._killed:
            due = min(due, self._kill_at, self._custody.next_limit())
        if None in watched:
            due = min(due, time.monotonic() + POLL_S)
        select.select(descriptors, [], [], max(due - time.monotonic(), 0.0))

    def _listen(self) -> None:
        for line in self._lines.arrived():
            if words := decode(line):
                self._heed(*words)
            else:
                self._overhear(line.decode(errors="replace"))

    def _heed(self, verb: str, *words: object) -> None:
        custody = self._custody
        custody.release_adopted()
        match verb, words:
            case "held", (str(queue), str(job_id), str(token)):
                custody.queues.add(queue)
                custody.held[queue, job_id, token] = HeldJob(queue, job_id, token)
            case "started", (
                str(queue),
                str(job_id),
                str(token),
                int() | None as limit_ms,
                float() | None as overdue_at,
            ):
                if job := custody.held.get((queue, job_id, token)):
                    job.start(limit_ms, overdue_at)
            case "ended", (str(queue), str(job_id), str(token)):
                if job := custody.held.get((queue, job_id, token)):
                    job.end()
            case "settled", (str(queue), str(job_id), str(token)):
                custody.held.pop((queue, job_id, token), None)
            case "queue", (str(queue),):
                custody.queues.add(queue)
            case "stopping", ():
                self._stopping = True
            case "dismissed", ():
                self._dismissed = True
            case "ping", ():
                self._answer("beat")
            case _:
                log.warning("worker %s said something unknown: %r", self._settings.worker, [verb, *words])

    def _overhear(self, text: str) -> None:
        """A dying interpreter writes its last words into the pipe."""
        log.warning("%s", text)
        if text.startswith("Fatal Python error: "):
            self._cause = text.removeprefix("Fatal Python error: ")

    def _answer(self, *words: str) -> None:
        # A worker that does not read is judged by its limits, not by this.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._answers, encode(*words))

    def _renew(self) -> None:
        for lost in self._custody.renew():
            if lost:
                self._answer("lost", *lost.key)
            else:
                self._answer("beat")

    # The worker's end

    def _enforce_limits(self) -> None:
        if not self._killed and (overdue := self._custody.overdue(time.monotonic())):
            self._overdue = overdue
            self._kill("a job ran past its hard limit")

    def _follow_master(self) -> None:
        """The supervisor's new master brings a worker of its own: an orphan must not go on beside it."""
        if self._master and self._master.dead():
            log.warning("the master of worker %s is dead: ending the worker", self._settings.worker)
            self._master.close()
            self._master = None
            self._stopping = True
            self._kill_at = time.monotonic() + self._settings.grace_s
            self._worker.send(signal.SIGTERM)
        if time.monotonic() >= self._kill_at:
            self._kill("its master died, and it did not end in time")

    def _is_dying(self) -> bool:
        """A process closes its pipes a moment before it is dead."""
        if (fd := self._worker.fileno()) is not None:
            select.select([fd], [], [], DYING_S)
        return self._worker.dead()

    def _kill(self, cause: str) -> None:
        if self._killed or self._worker.dead():
            return
        log.warning("killing worker %s: %s", self._settings.worker, cause)
        self._killed, self._cause = True, cause
        self._worker.send(signal.SIGKILL)


def main() -> None:
    """Keep the locks of the process that started this one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s [keeper %(process)d] %(levelname)s %(message)s")
    with open(0, "rb", buffering=0, closefd=False) as pipe:
        first = pipe.readline()
    if first:  # else the worker died, or was closed, before it held anything
        os.set_blocking(1, False)
        Keeper(KeeperSettings.from_line(first), Lines(0), answers=1).run()


if __name__ == "__main__":
    main()
