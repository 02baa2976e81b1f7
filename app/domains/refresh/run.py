"""What every part of one run shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from redis import Redis

from app.broker.current import RunningJob
from app.broker.recorder import Start
from app.domains.profit.money import Money
from app.domains.refresh.checkpoint import Checkpoint, PartProgress


@dataclass(frozen=True, slots=True)
class Run:
    """One claimed execution of a refresh. ``checkpoint`` is what it and its forerunners have finished."""

    job: RunningJob
    start: Start
    checkpoint: Checkpoint
    unit_costs: Mapping[str, Money]
    cache: Redis
    cache_ttl_s: int
    now: Callable[[], datetime]

    @property
    def attempt(self) -> int:
        """Which attempt this run belongs to: a parked run and the one that goes on share it."""
        return self.job.claim.attempt

    def may_retry(self, progress: PartProgress) -> bool:
        """Whether what failed is asked for again in a later attempt."""
        return progress.is_hopeful and not self.is_last_attempt

    @property
    def is_last_attempt(self) -> bool:
        """Whether the engine will not run the job again by itself."""
        return self.attempt >= self.job.claim.attempts
