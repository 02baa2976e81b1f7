"""The keeper: a small process beside a worker that keeps its locks, and hands its jobs back the moment it dies.

``python -m app.broker.keeper``, started by ``app.broker.leases`` and by nobody else. It reads what the worker holds
from its standard input and knows only Redis. Signals that end a group of processes do not end it: it goes when its
worker is gone and the worker's jobs are back. Source: RULES R18 to R20.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from operator import attrgetter

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.broker.deathwatch import DeathWatch
from app.broker.keys import keeper_beat
from app.broker.locks import HeldJob, Return, check_stalled, hand_back, renew
from app.broker.pipe import Lines, decode, encode

log = logging.getLogger("keeper")

REDIS_TIMEOUT_S = 1.5
"""Two of these (connect, answer) stay below the silence after which the worker replaces its keeper."""

DYING_S = 0.2
"""How long a worker may live on after its pipe has closed."""


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """What a keeper is told first. It comes through the pipe: the URL may hold a password."""

    url: str
    prefix: str
    worker: str
    worker_pid: int
    master_pid: int | None
    lock_ms: int = 10_000
    renew_ms: int = 3_000
    check_ms: int = 2_500
    max_stalled: int = 1
    grace_s: float = 35
    redis_away_s: float = 60

    def to_line(self) -> bytes:
        """The first line of the pipe."""
        return json.dumps(asdict(self)).encode() + b"\n"


class Keeper:
    """One worker's keeper. ``step`` does what is due; ``run`` steps until the worker is dead and its jobs are back."""

    def __init__(self, settings: KeeperSettings, lines: Lines, answers: int) -> None:
        self._settings = settings
        self._lines = lines
        self._answers = answers
        self._worker = DeathWatch(settings.worker_pid, is_parent=True)
        self._master = DeathWatch(settings.master_pid) if settings.master_pid else None
        self._redis = Redis.from_url(
            settings.url,
            decode_responses=True,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._beat_key = keeper_beat(settings.prefix, settings.worker)
        self._held: dict[tuple[str, str, str], HeldJob] = {}
        self._queues: set[str] = set()
        self._stopping = False
        self._dismissed = False
        self._cause = "killed or exited"
        self._overdue: set[tuple[str, str, str]] = set()
        self._killed = False
        self._kill_at = float("inf")
        self._renew_at = self._check_at = 0.0
        self._renewed_at = self._punctual_since = float("-inf")

    def run(self) -> None:
        """Returns when nothing is left to keep."""
        while not (self._worker.dead() or self._dismissed):
            self.step()
        if not self._dismissed:
            self._hand_back_all()

    def step(self) -> None:
        """Wait for the next thing that is due, and do it."""
        self._wait()
        self._listen()
        if self._lines.closed and not self._is_dying():
            self._kill("its pipe closed while it lived")
        self._enforce_limits()
        self._follow_master()
        if time.monotonic() >= self._renew_at:
            self._renew()
        if time.monotonic() >= self._check_at:
            self._check()

    def _wait(self) -> None:
        watched = [watch.fileno() for watch in (self._worker, self._master) if watch]
        polled = None in watched
        descriptors = [fd for fd in watched if fd is not None]
        if not self._lines.closed:
            descriptors.append(self._lines.fd)
        due = min(self._renew_at, self._check_at)
        if not self._killed:
            due = min(due, self._kill_at, self._next_limit())
        patience = min(due - time.monotonic(), 0.1 if polled else 60.0)
        select.select(descriptors, [], [], max(patience, 0.0))

    # What the worker says

    def _listen(self) -> None:
        for line in self._lines.arrived():
            words = decode(line)
            if words is None:
                self._overhear(line)
            else:
                self._heed(*words)

    def _heed(self, verb: str, *words: object) -> None:
        match verb, words:
            case "held", (str(queue), str(job_id), str(token)):
                self._queues.add(queue)
                self._held[queue, job_id, token] = HeldJob(queue, job_id, token)
            case "started", (str(queue), str(job_id), str(token), int() | None as limit, float() | None as overdue_at):
                if job := self._held.get((queue, job_id, token)):
                    job.start(limit, overdue_at)
            case "settled", (str(queue), str(job_id), str(token)):
                self._held.pop((queue, job_id, token), None)
            case "queue", (str(queue),):
                self._queues.add(queue)
            case "ping", ():
                self._answer("beat")
            case "stopping", ():
                self._stopping = True
            case "dismissed", ():
                self._dismissed = True
            case _:
                log.warning("worker %s said something unknown: %r", self._settings.worker, [verb, *words])

    def _overhear(self, line: bytes) -> None:
        """A dying interpreter writes its last words into the pipe."""
        text = line.decode(errors="replace")
        log.warning("%s", text)
        if text.startswith("Fatal Python error: "):
            self._cause = text.removeprefix("Fatal Python error: ")

    def _answer(self, *words: str) -> None:
        # A worker that does not read is judged by its limits, not by this.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._answers, encode(*words))

    # What Redis is asked

    def _renew(self) -> None:
        """Renew every lock, and show in Redis that this keeper lives."""
        lock_ms, prefix = self._settings.lock_ms, self._settings.prefix
        self._renew_at = time.monotonic() + self._settings.renew_ms / 1000
        try:
            self._redis.set(self._beat_key, self._settings.worker_pid, px=lock_ms)
            for queue, jobs in self._by_queue():
                tokens = {job.id: job.token for job in jobs}
                for job_id in renew(self._redis, prefix, queue, tokens.items(), lock_ms=lock_ms).lost:
                    self._answer("lost", queue, job_id, tokens[job_id])
                self._answer("beat")
        except RedisError as error:
            log.warning("cannot renew the locks of %s: %s", self._settings.worker, error)
            self._renewed_at = float("-inf")
            self._renew_at = time.monotonic() + min(self._settings.renew_ms / 1000, 0.5)
        else:
            self._count_as_punctual()
        self._answer("beat")

    def _count_as_punctual(self) -> None:
        now = time.monotonic()
        if now - self._renewed_at > 2 * self._settings.renew_ms / 1000:
            self._punctual_since = now
        self._renewed_at = now

    def _is_punctual(self) -> bool:
        """Whether Redis has been reached all through one lock time.

        If it was away, so it was for other keepers, and they too need that long to take their locks again.
        """
        now = time.monotonic()
        steady = now - self._renewed_at <= 2 * self._settings.renew_ms / 1000
        return steady and now - self._punctual_since >= self._settings.lock_ms / 1000

    def _check(self) -> None:
        """Look for jobs whose worker and keeper have both died."""
        self._check_at = time.monotonic() + self._settings.check_ms / 1000
        if not self._is_punctual():
            return
        # A little less than the period, or every second check would find the key of the one before.
        every_ms = self._settings.check_ms * 4 // 5
        try:
            for queue in sorted(self._queues):
                stalled = check_stalled(
                    self._redis,
                    self._settings.prefix,
                    queue,
                    every_ms=every_ms,
                    max_stalled=self._settings.max_stalled,
                )
                if stalled:
                    log.warning("stalled jobs of queue %s given back: %s", queue, ", ".join(stalled))
        except RedisError as error:
            log.warning("cannot check for stalled jobs: %s", error)
            self._renewed_at = float("-inf")

    # How the worker ends

    def _next_limit(self) -> float:
        return min((job.overdue_at for job in self._held.values() if job.overdue_at is not None), default=float("inf"))

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        if self._killed or self._next_limit() > now:
            return
        self._overdue = {key for key, job in self._held.items() if job.overdue_at is not None and job.overdue_at <= now}
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

    def _hand_back_all(self) -> None:
        """The worker is dead: what it said last is still in the pipe, then its jobs go back."""
        self._listen()
        give_up_at = time.monotonic() + self._settings.redis_away_s
        for queue, jobs in self._by_queue():
            _until(give_up_at, partial(self._hand_back, queue, list(jobs)))
        _until(give_up_at, partial(self._redis.delete, self._beat_key))

    def _hand_back(self, queue: str, jobs: list[HeldJob]) -> None:
        seconds, _ = self._redis.time()  # one clock: this host's may be wrong
        moment = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
        died = f"worker {self._settings.worker} died at {moment}"
        given = hand_back(
            self._redis,
            self._settings.prefix,
            queue,
            [self._returned(job, died) for job in jobs],
            crash=f"{died} while running it ({self._cause}), and so had {self._settings.max_stalled} before",
            max_stalled=self._settings.max_stalled,
        )
        log.warning("%s (%s): %d of %d jobs back in queue %s", died, self._cause, len(given), len(jobs), queue)

    def _returned(self, job: HeldJob, died: str) -> Return:
        if (job.queue, job.id, job.token) in self._overdue:
            return Return(job.id, job.token, verdict=f"ran past its hard limit of {job.limit_ms} ms; {died}, killed")
        charged = job.started and not self._stopping and not self._overdue
        return Return(job.id, job.token, charged=charged)

    def _by_queue(self) -> Iterable[tuple[str, Iterable[HeldJob]]]:
        """The held jobs of each queue, in the order of their claims."""
        of_queue = attrgetter("queue")
        return groupby(sorted(self._held.values(), key=of_queue), key=of_queue)


def _until(give_up_at: float, ask: Callable[[], object]) -> None:
    """Ask Redis until it answers. Raises RedisError once it is too late: then the stalled check has to do."""
    while True:
        try:
            ask()
        except RedisError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.1)
        else:
            return


def main() -> None:
    """Keep the locks of the process that started this one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s [keeper %(process)d] %(levelname)s %(message)s")
    with open(0, "rb", buffering=0, closefd=False) as pipe:
        first = pipe.readline()
    if first:
        os.set_blocking(1, False)
        Keeper(KeeperSettings(**json.loads(first)), Lines(0), answers=1).run()


if __name__ == "__main__":
    main()
