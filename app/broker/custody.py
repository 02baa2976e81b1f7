"""The jobs in a keeper's care, and all that it asks of Redis for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from operator import attrgetter

from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.broker.connection import new_client
from app.broker.keeper_settings import KeeperSettings
from app.broker.keys import keeper_beat
from app.broker.locks import BY_LOST_HOSTS, HeldJob, Key, Return, check_stalled, claimed_by, hand_back, renew
from app.broker.patience import until
from app.broker.slate import Slate, number_of

log = logging.getLogger("keeper")

REDIS_TIMEOUT_S = 1.5
"""Two of these (connect, answer) stay below the silence after which the worker replaces its keeper."""
NEVER = float("-inf")
LOOK_S = 0.5
MUTE = 0.2
"""A worker tells of what lasts half a second; one that has not in this part of its lease cannot: a job holds it up."""


class Custody:
    """What one worker holds. ``renew`` and ``check`` swallow and log Redis' errors: they are due again soon."""

    def __init__(self, settings: KeeperSettings) -> None:
        self.held: dict[Key, HeldJob] = {}
        self.queues: set[str] = set()
        self._settings = settings
        self._beat_key = keeper_beat(settings.prefix, settings.worker)
        self._redis = new_client(
            settings.url,
            decode_responses=True,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self.renew_at = self.check_at = self.look_at = 0.0
        self._slate = None if settings.slate_fd is None else Slate(settings.slate_fd)
        self._adopted: set[Key] = set()
        self._renewed_at = self._punctual_since = NEVER
        self._cut_off = False

    def next_limit(self) -> float:
        """When the first of the jobs is overdue (``time.monotonic``)."""
        return min((job.overdue_at for job in self.held.values() if job.overdue_at is not None), default=float("inf"))

    def overdue(self, now: float) -> set[Key]:
        """The jobs past their hard limit."""
        return {key for key, job in self.held.items() if job.overdue_at is not None and job.overdue_at <= now}

    def look(self) -> None:
        """Take into care what a mute worker has claimed and could not tell of."""
        now = time.monotonic()
        self.look_at = now + LOOK_S
        told = {number_of(token) for _, _, token in self.held}
        runs = self._slate.read() if self._slate else {}
        if any(
            run.at < now - MUTE * self._settings.lock_ms / 1000 for number, run in runs.items() if number not in told
        ):
            try:
                for queue in sorted(self.queues):
                    self._adopt(queue)
            except RedisError as error:
                self._miss(error)

    def _adopt(self, queue: str) -> None:
        runs = self._slate.read() if self._slate else {}
        for job_id, token in claimed_by(self._redis, self._settings.prefix, queue, self._settings.worker):
            key = (queue, job_id, token)
            if key not in self.held:
                self.held[key] = HeldJob(*key)
                self._adopted.add(key)
                if run := runs.get(number_of(token)):
                    self.held[key].start(run.limit_ms, run.overdue_at)

    def release_adopted(self) -> None:
        """The worker speaks: it tells of all that lasts."""
        for key in self._adopted:
            self.held.pop(key, None)
        self._adopted.clear()

    def renew(self) -> Iterator[HeldJob | None]:
        """Renew every lock, and show in Redis that this keeper lives.

        Yields each job that another token locks, and None after each queue, for a sign of life in between.
        """
        lock_ms = self._settings.lock_ms
        self.renew_at = time.monotonic() + self._settings.renew_ms / 1000
        try:
            self._redis.set(self._beat_key, self._settings.worker_pid, px=lock_ms)
            for queue, jobs in self._by_queue():
                of_id = {job.id: job for job in jobs}  # of two claims of one job, only the later can have the lock
                locks = [(job.id, job.token) for job in of_id.values()]
                lost, _ = renew(self._redis, self._settings.prefix, queue, locks, lock_ms=lock_ms)
                yield from (of_id[job_id] for job_id in lost)
                yield None
        except RedisError as error:
            self._miss(error)
        else:
            self._count_as_punctual()
        yield None

    def check(self) -> None:
        """Look for jobs whose worker and keeper have both died."""
        self.check_at = time.monotonic() + self._settings.check_ms / 1000
        if not self._is_punctual():
            return
        # A little less than the period, or every second check would find the key of the one before.
        every_ms = self._settings.check_ms * 4 // 5
        prefix, max_stalled = self._settings.prefix, self._settings.max_stalled + BY_LOST_HOSTS
        try:
            for queue in sorted(self.queues):
                stalled = check_stalled(self._redis, prefix, queue, every_ms=every_ms, max_stalled=max_stalled)
                if stalled:
                    log.warning("stalled jobs of queue %s given back: %s", queue, ", ".join(stalled))
        except RedisError as error:
            self._miss(error)

    def hand_back_all(self, cause: str, *, charge: bool, overdue: set[Key]) -> None:
        """The worker is dead: give back what it was told to hold, and what it claimed without having told.

        ``charge``: the started jobs had a crash. ``overdue``: these fail, for they outran their hard limit.
        Raises RedisError when Redis stays away.
        """
        give_up_at = time.monotonic() + self._settings.redis_away_s
        died = until(give_up_at, self._moment_of_death)
        for queue, jobs in self._by_queue():
            returned = [self._returned(job, died, charge=charge, overdue=overdue) for job in jobs]
            until(give_up_at, partial(self._hand_back, queue, returned, died, cause))
        for queue in sorted(self.queues):
            until(give_up_at, partial(self._hand_back_untold, queue, died, cause, charge=charge))
        until(give_up_at, partial(self._redis.delete, self._beat_key))

    def _returned(self, job: HeldJob, died: str, *, charge: bool, overdue: set[Key]) -> Return:
        if job.key in overdue:
            return Return(job.id, job.token, verdict=f"ran past its hard limit of {job.limit_ms} ms; {died}, killed")
        return Return(job.id, job.token, charged=charge and job.started)

    def _moment_of_death(self) -> str:
        seconds, _ = self._redis.time()  # one clock: this host's may be wrong
        return f"worker {self._settings.worker} died at {datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def _hand_back(self, queue: str, jobs: list[Return], died: str, cause: str) -> None:
        max_stalled = self._settings.max_stalled
        crash = f"{died} while running it ({cause}), and so had {max_stalled} before"
        given = hand_back(self._redis, self._settings.prefix, queue, jobs, crash=crash, max_stalled=max_stalled)
        log.warning("%s (%s): %d of %d jobs back in queue %s", died, cause, len(given), len(jobs), queue)

    def _hand_back_untold(self, queue: str, died: str, cause: str, *, charge: bool) -> None:
        """Redis had made the claim, and the worker died before it read so, or before it was worth the telling."""
        runs = self._slate.read() if self._slate else {}
        claims = claimed_by(self._redis, self._settings.prefix, queue, self._settings.worker)
        if claims:
            returned = [Return(job_id, token, charge and number_of(token) in runs) for job_id, token in claims]
            self._hand_back(queue, returned, died, cause)

    def _by_queue(self) -> Iterable[tuple[str, Iterable[HeldJob]]]:
        """The held jobs of each queue, in the order of their claims."""
        of_queue = attrgetter("queue")
        return groupby(sorted(self.held.values(), key=of_queue), key=of_queue)

    # Punctuality. When Redis was away, it was away for every keeper, and each needs one lock time to take its own
    # locks again: before that, nobody may judge.

    def _count_as_punctual(self) -> None:
        now = time.monotonic()
        if now - self._renewed_at > 2 * self._settings.renew_ms / 1000:
            self._punctual_since = now
        self._renewed_at = now
        if self._cut_off:
            self._cut_off = False
            log.warning("the locks of worker %s are renewed again", self._settings.worker)

    def _miss(self, error: RedisError) -> None:
        if not self._cut_off:
            self._cut_off = True
            log.warning("cannot renew the locks of worker %s: %s", self._settings.worker, error)
        self._renewed_at = NEVER
        self.renew_at = min(self.renew_at, time.monotonic() + 0.5)

    def _is_punctual(self) -> bool:
        """Whether Redis has been reached on time all through one lock time."""
        now = time.monotonic()
        steady = now - self._renewed_at <= 2 * self._settings.renew_ms / 1000
        return steady and now - self._punctual_since >= self._settings.lock_ms / 1000
