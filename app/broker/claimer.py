"""Claims the jobs of one queue for this process: blocking on BullMQ's marker when there are none, never polling."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError, TimeoutError

from app.broker import batches, grace, outcome, schedulers
from app.broker.claim_connection import ClaimConnection
from app.broker.claims import read_claim
from app.broker.epoch import EpochGate
from app.broker.job import Job, Malformed
from app.broker.message import JobMessage
from app.broker.recorder import Claim, End, Ended, RecorderUnavailable, Start, Verdict
from app.broker.unheard import UnheardClaims

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker
    from app.broker.engine import Engine

log = logging.getLogger(__name__)

#: One blocking wait: the marker ends it at once, so this only bounds how often an idle queue costs a command.
IDLE_WAIT_S = 2.0
#: How soon a closed gate is tried again.
CLOSED_S = 0.25


class Claimer:
    """The claims of one queue. Called by one consumer thread at a time; lives as long as the process.

    Dramatiq makes a new Consumer after each error, so what was claimed and not yet started is kept here.
    """

    def __init__(self, queue: str, broker: BullMQBroker, engine: Engine) -> None:
        self.queue = queue
        self._broker = broker
        self._engine = engine
        self._keys = broker.queue(queue).keys
        self._ready: list[JobMessage] = []
        self._suspects: deque[JobMessage] = deque()
        self._unrecorded: list[JobMessage] = []
        self._scheduled: deque[Job] = deque()
        self._gate = EpochGate(broker.prefix, broker.guarded)
        self._connection = ClaimConnection(broker.redis, self._keys, engine.worker_name)
        self._unheard = UnheardClaims(broker, queue, engine.worker_name)
        self._may_have_jobs = True
        self._next_delayed_ms: int | None = None
        self._limited_until_ms = 0

    def next(self, timeout_s: float) -> Sequence[JobMessage]:
        """Jobs to start now; none when none came in that time. Raises redis.ConnectionError."""
        self._advance_schedulers()
        self._unheard.give_back()
        if not self._ready and self._suspects:
            self._admit_suspect(timeout_s)
        if not self._ready and (room := self._engine.admission.wait_for_room(self.queue, timeout_s)):
            if self._is_worth_a_look():
                self._claim(room)
            if not self._ready and not self._is_worth_a_look():
                self._wait_for_marker()
        ready, self._ready = self._ready, []
        return ready

    def unstarted(self) -> list[JobMessage]:
        """What was claimed and has not been started; it is not ours to start any more."""
        left = [*self._ready, *self._suspects, *self._unrecorded]
        for messages in (self._ready, self._suspects, self._unrecorded):
            messages.clear()
        return left

    def unblock(self) -> None:
        """End the blocking wait now; called from another thread when the process shuts down."""
        self._connection.end_wait()

    def _admit_suspect(self, timeout_s: float) -> None:
        if self._engine.admission.admit_suspect(self.queue, timeout_s):
            self._ready.append(self._suspects.popleft())

    def _is_worth_a_look(self) -> bool:
        now_ms = self._broker.clock.now_ms()
        if now_ms < self._limited_until_ms:
            return False
        return self._may_have_jobs or (self._next_delayed_ms is not None and now_ms >= self._next_delayed_ms)

    # --- claiming

    def _claim(self, room: int) -> None:
        """Claim up to that many jobs, put them on record, and make ready those that may run."""
        within = self._gate.epoch(self._client())
        if within is None:
            self._engine.closing.wait(CLOSED_S)
            return
        tokens = [self._engine.next_token() for _ in range(room)]
        claims = self._move_to_active(tokens, within)
        if not claims:
            return
        for claim, token in zip(claims, tokens, strict=False):
            self._engine.leases.held(self.queue, claim.id, token, at_once=claim.crashes > 0)
        verdicts = self._verdicts(claims)
        if verdicts is None:
            self._unrecorded += [JobMessage(claim, None, token) for claim, token in zip(claims, tokens, strict=False)]
            return
        for claim, token, verdict in zip(claims, tokens, verdicts, strict=False):
            self._accept(claim, token, verdict)
        self._engine.admission.started(self.queue, len(self._ready))
        self._advance_schedulers()

    def _advance_schedulers(self) -> None:
        """Add what comes after each claimed job of a scheduler. A job stays on the list while Redis is away."""
        while self._scheduled:
            job = self._scheduled[0]
            try:
                schedulers.advance(self._broker.queue(self.queue), job)
            except (OutOfMemoryError, ReadOnlyError):
                raise
            except (ResponseError, TypeError, ValueError) as error:
                log.error("scheduler %s of queue %s ends with job %s: %s", job.scheduler_id, self.queue, job.id, error)
            self._scheduled.popleft()

    def _move_to_active(self, tokens: Sequence[str], within: str) -> list[Claim]:
        claim = batches.claim_many if self._broker.batched else batches.claim_one_by_one
        now_ms = self._broker.clock.now_ms()
        try:
            found = claim(
                self._connection.scripts(),
                self._keys,
                tokens,
                now_ms=now_ms,
                lock_ms=self._engine.lock_ms,
                worker=self._engine.worker_name,
                within=within,
            )
        except (ConnectionError, TimeoutError):
            self._unheard.add(tokens)
            self._connection.close()
            with suppress(RedisError):  # at once if only the connection is gone; else when Redis is back
                self._unheard.give_back()
            raise
        claims = [read_claim(self.queue, self._engine.worker_name, job_id, fields) for job_id, fields in found.jobs]
        for job_id, fields in found.jobs:
            if "rjk" in fields:
                self._scheduled.append(Job.from_hash(self._broker.queue(self.queue), job_id, fields))
        stopped_early = bool(claims) and (len(claims) == len(tokens) or claims[-1].crashes > 0)
        self._may_have_jobs = stopped_early or found.limited_ms > 0
        self._limited_until_ms = now_ms + found.limited_ms if found.limited_ms else 0
        self._next_delayed_ms = found.next_delayed_ms or None
        if found.closed:
            self._unheard.add(tokens[len(claims) :])
            self._connection.close()
        return claims

    def _verdicts(self, claims: Sequence[Claim]) -> Sequence[Verdict | None] | None:
        """What the record says of each; waits while it is away, since a claimed job must not run unrecorded.

        None if the process shuts down meanwhile.
        """
        recorder = self._broker.recorder
        if recorder is None:
            return [None] * len(claims)
        while not self._engine.admission.closed:
            try:
                return recorder.claimed(claims)
            except RecorderUnavailable as error:
                log.warning("record away, %d claimed jobs wait: %s", len(claims), error)
                self._engine.closing.wait(0.5)
        return None

    def _accept(self, claim: Claim, token: str, verdict: Verdict | None) -> None:
        if isinstance(verdict, Ended):
            now_ms = self._broker.clock.now_ms()
            self._end_without_run(
                End(claim, None, verdict.kind, now_ms, now_ms, verdict.return_value, verdict.reason, recorded=True),
                token,
            )
        elif end := self._refusal(claim, verdict):
            self._end_without_run(end, token)
        else:
            self._make_ready(JobMessage(claim, verdict, token, self._broker.actor_of(self.queue, claim.name)))

    def _make_ready(self, message: JobMessage) -> None:
        if message.claim.crashes:
            self._engine.admission.suspect_claimed()
            self._suspects.append(message)
        else:
            self._ready.append(message)

    def _end_without_run(self, end: End, token: str) -> None:
        self._engine.admission.ended_without_run()
        self._engine.finisher.hand_over(end, token)

    def _refusal(self, claim: Claim, start: Start | None) -> End | None:
        """Why this job must not run here, as the end it gets; None if it may."""
        verdict = claim.deferred_failure or claim.broken_parent
        actor = self._broker.actor_of(self.queue, claim.name)
        if not verdict and type(claim.data) is dict and actor in self._broker.actors:
            return None
        now_ms = self._broker.clock.now_ms()
        if verdict:
            return outcome.refused(claim, start, verdict, now_ms)
        if not isinstance(claim.data, dict):
            found = claim.data.text if isinstance(claim.data, Malformed) else str(claim.data)[:200]
            return outcome.refused(claim, start, f"data must be a JSON object of arguments, it is {found!r}", now_ms)
        reason = f"no actor named {actor!r} in this worker"
        if self._may_wait(claim.id, reason):
            return outcome.postponed(claim, start, reason, now_ms, grace.WAIT_MS)
        return outcome.refused(claim, start, reason, now_ms)

    def _may_wait(self, job_id: str, reason: str) -> bool:
        try:
            return grace.may_wait(self._broker.queue(self.queue), job_id, reason)
        except RedisError:
            return True  # it cannot be told now; nothing may keep the other claimed jobs from their starts

    # --- waiting

    def _wait_for_marker(self) -> None:
        """Block until a producer or a delay sets the marker, the next delayed job is due, or the idle wait is over."""
        wait_s = IDLE_WAIT_S
        now_ms = self._broker.clock.now_ms()
        if now_ms < self._limited_until_ms:
            wait_s = min(wait_s, (self._limited_until_ms - now_ms) / 1000)
        elif self._next_delayed_ms is not None:
            wait_s = min(wait_s, max(self._next_delayed_ms - now_ms, 0) / 1000)
        self._client()
        if popped := self._connection.pop_marker(wait_s, on_time=wait_s < IDLE_WAIT_S):
            self._take_marker(*popped)
        elif wait_s == IDLE_WAIT_S:
            # A marker may have been taken by a worker that died with it.
            self._may_have_jobs = True

    def _take_marker(self, member: str, score: float) -> None:
        """``0`` says that jobs wait; ``1`` says when the next delayed one is due, and is now ours to keep in mind."""
        if member == "0":
            self._may_have_jobs = True
        else:
            due_ms = int(score)
            self._next_delayed_ms = due_ms if self._next_delayed_ms is None else min(due_ms, self._next_delayed_ms)

    def _client(self) -> Redis:
        """The connection's. Over a new one, what was known of the queue and of the server is out of date."""
        if not self._connection.is_open:
            self._connection.client()
            self._gate.forget()
            self._may_have_jobs = True
        return self._connection.client()

    def close(self) -> None:
        """Disconnect. What was claimed unheard goes back: the keeper, once it is let go, looks for nothing more."""
        try:
            self._unheard.give_back()
        except RedisError as error:
            log.warning("claims on queue %s whose reply was lost are left to the stalled check: %s", self.queue, error)
        self._connection.close()
