"""The worker's side of the keeper: tells it what this process holds, and replaces it when it dies or falls silent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable

from app.broker.connection import connect
from app.broker.keeper_process import KeeperProcess
from app.broker.keeper_settings import KeeperSettings
from app.broker.locks import MAX_STALLED, HeldJob, Key, Return, hand_back, renew
from app.broker.slate import Slate, Started

log = logging.getLogger(__name__)

OnLost = Callable[[str, str, str], None]

STARTING_S = 10.0
"""A new keeper has this long to say its first word: on a busy machine an interpreter starts slowly."""
SPACING_S = 0.5
"""Two keepers start at least this far apart: one that cannot live must not become a busy loop."""

_open_leases: set[Leases] = set()


class Leases:
    """The jobs that this process holds, kept by a keeper of its own. Thread-safe.

    The token of every claim must be ``<worker>:<n>``: so the keeper also finds a claim that we died too early to tell.
    ``on_lost(queue, id, token)`` is called, in a thread of this object, once for each job that turns out to be locked
    by another token; the job is then no longer held here. It may come a moment after this process has settled the job
    in Redis and before it has said so. ``silence_s`` without a word from the keeper, or a full pipe, and it is
    replaced; the new one is told everything. ``tell_after_s`` spares the telling of jobs that end before: the slate has
    what runs. ``report_faults`` takes faulthandler from standard error: its text then comes from the keeper's log, and
    its signal is a crash's cause.
    """

    def __init__(
        self,
        *,
        url: str,
        prefix: str,
        worker: str,
        lock_ms: int = 10_000,
        renew_ms: int | None = None,
        check_ms: int | None = None,
        max_stalled: int = MAX_STALLED,
        grace_s: float = 35,
        silence_s: float = 5,
        tell_after_s: float = 0,
        queues: Iterable[str] = (),
        report_faults: bool = False,
        on_lost: OnLost | None = None,
    ) -> None:
        master = multiprocessing.parent_process()  # dramatiq's; None in a process that nobody supervises this way
        self._slate = Slate.new()
        self._settings = KeeperSettings(
            url=url,
            prefix=prefix,
            worker=worker,
            worker_pid=os.getpid(),
            master_pid=master.pid if master else None,
            lock_ms=lock_ms,
            renew_ms=renew_ms or lock_ms * 3 // 10,
            check_ms=check_ms or lock_ms // 4,
            max_stalled=max_stalled,
            grace_s=grace_s,
            slate_fd=self._slate.fd,
        )
        self._tell_after_s = tell_after_s
        self._untold: dict[Key, float] = {}  # when to tell of it, in the order of the claims
        self._silence_s = silence_s
        self._report_faults = report_faults
        self._on_lost = on_lost
        self._queues = set(queues)
        self._held: dict[Key, HeldJob] = {}
        self._stopping = False
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._keeper = self._new_keeper()
        _open_leases.add(self)
        self._thread = threading.Thread(target=self._mind_keeper, name="leases", daemon=True)
        self._thread.start()

    def watch(self, queue: str) -> None:
        """This process serves that queue: its keeper also looks there for jobs that nobody holds any more."""
        with self._lock:
            self._queues.add(queue)
            self._keeper.say("queue", queue)

    def held(self, queue: str, job_id: str, token: str, *, at_once: bool = False) -> None:
        """The job has been claimed, under this token. ``at_once``: it must not count as started before it is."""
        key = (queue, job_id, token)
        with self._lock:
            self._held[key] = HeldJob(*key)
            if self._tell_after_s and not at_once:
                self._untold[key] = time.monotonic() + self._tell_after_s
            else:
                self._keeper.say("held", *key)

    def started(self, queue: str, job_id: str, token: str, hard_limit_ms: int | None = None) -> None:
        """Its actor runs from now on; past the hard limit the keeper kills this process."""
        run = Started(time.monotonic(), hard_limit_ms)
        with self._lock:
            if job := self._held.get((queue, job_id, token)):
                job.start(hard_limit_ms, run.overdue_at)
                self._slate.write(token, run)
                if job.key not in self._untold:
                    self._keeper.say("started", queue, job_id, token, hard_limit_ms, run.overdue_at)

    def ended(self, queue: str, job_id: str, token: str) -> None:
        """Its run is over: it has no limit any more, and the death of this process is not its fault."""
        with self._lock:
            if job := self._held.get((queue, job_id, token)):
                job.end()
                self._slate.wipe(token)
                if job.key not in self._untold:
                    self._keeper.say("ended", *job.key)

    def settled(self, queue: str, job_id: str, token: str) -> None:
        """The claim is over, in Redis too. The token tells it from a later claim of the same job by this process."""
        with self._lock:
            self._forget((queue, job_id, token))

    def _forget(self, key: Key) -> bool:
        if self._held.pop(key, None) is None:
            return False
        self._slate.wipe(key[2])
        if self._untold.pop(key, None) is None:
            self._keeper.say("settled", *key)
        return True

    def stopping(self) -> None:
        """From now on the death of this process is no job's fault."""
        with self._lock:
            self._stopping = True
            self._keeper.say("stopping")

    def hand_back(self, queue: str, job_id: str, token: str) -> bool:
        """Put a job that will not run here back to the front of its queue, uncharged; whether it was still ours.

        Raises redis.RedisError, and the keeper goes on holding the job.
        """
        given = hand_back(connect(self._settings.url), self._settings.prefix, queue, [Return(job_id, token)])
        self.settled(queue, job_id, token)
        return bool(given)

    def renew(self, queue: str, job_id: str, token: str) -> bool:
        """Renew one lock now, or take it again if it lapsed; whether it is ours. Raises redis.RedisError."""
        prefix, lock_ms = self._settings.prefix, self._settings.lock_ms
        lost, absent = renew(connect(self._settings.url), prefix, queue, [(job_id, token)], lock_ms=lock_ms)
        return not (lost or absent)

    def keeper_pid(self) -> int:
        """The process that keeps our locks now."""
        return self._keeper.pid

    def close(self) -> None:
        """Let the keeper go, and wait for it. While jobs are held, it stays, and hands them back when we have ended."""
        self._closing.set()
        with self._lock:
            if self._held:
                self._stopping = True
                self._keeper.say("stopping")
                return
            self._keeper.say("dismissed")
        self._thread.join()
        self._end_keeper()
        self._slate.close()
        _open_leases.discard(self)

    def _new_keeper(self) -> KeeperProcess:
        keeper = KeeperProcess(self._settings, report_faults=self._report_faults)
        for queue in self._queues:
            keeper.say("queue", queue)
        for job in self._held.values():
            _tell(keeper, job)
        self._untold.clear()
        if self._stopping:
            keeper.say("stopping")
        return keeper

    def _mind_keeper(self) -> None:
        while not self._closing.is_set():
            born_at = time.monotonic()
            fate = self._hear_keeper_out()
            if self._closing.is_set():
                return
            log.warning("keeper %d %s: starting another", self._keeper.pid, fate)
            self._end_keeper()
            self._closing.wait(max(0.0, born_at + SPACING_S - time.monotonic()))
            self._replace_keeper()

    def _hear_keeper_out(self) -> str:
        """Heed the keeper until it dies or falls silent; says which."""
        silent_at = time.monotonic() + max(STARTING_S, self._silence_s)
        while time.monotonic() < silent_at:
            self._tell_what_lasts()
            patience_s = silent_at - time.monotonic()
            for words in self._keeper.hear(min(patience_s, self._tell_after_s or patience_s)):
                silent_at = time.monotonic() + self._silence_s
                if words[0] == "lost":
                    self._lose(*words[1:])
            if self._keeper.dead() or self._closing.is_set():
                return "has died"
        return "is silent"

    def _tell_what_lasts(self) -> None:
        with self._lock:
            due = time.monotonic()
            for key in [key for key, tell_at in self._untold.items() if tell_at <= due]:
                del self._untold[key]
                _tell(self._keeper, self._held[key])

    def _end_keeper(self) -> None:
        self._keeper.end()
        with self._lock:
            self._keeper.let_go()

    def _replace_keeper(self) -> None:
        while not self._closing.is_set():
            try:
                with self._lock:
                    self._keeper = self._new_keeper()
            except OSError as error:
                log.error("cannot start a keeper: %s", error)
                self._closing.wait(1)
            else:
                return

    def _lose(self, queue: str, job_id: str, token: str) -> None:
        with self._lock:
            if not self._forget((queue, job_id, token)):
                return
        if self._on_lost:
            try:
                self._on_lost(queue, job_id, token)
            except Exception:
                log.exception("on_lost failed for job %s in queue %s", job_id, queue)

    def _let_go_in_child(self) -> None:
        self._lock = threading.Lock()
        self._keeper.let_go()


def _tell(keeper: KeeperProcess, job: HeldJob) -> None:
    keeper.say("held", *job.key)
    if job.started:
        keeper.say("started", *job.key, job.limit_ms, job.overdue_at)


def _let_go_in_child() -> None:
    """A forked child holds nothing, and must not keep the pipe open after its parent's death."""
    for leases in _open_leases:
        leases._let_go_in_child()
    _open_leases.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
