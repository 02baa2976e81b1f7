"""Where a claim differs from BullMQ's on purpose, and the differential test does not look: when its lock expires."""

from __future__ import annotations

import pytest
from redis import Redis

from app.broker import batches
from app.broker.keys import QueueKeys
from app.broker.recorder import NewJob
from app.broker.scripts import scripts


@pytest.mark.parametrize(("crashes", "lock_ms"), [(0, 10_000), (1, 5_000)])
def test_a_job_with_a_crash_is_claimed_for_half_a_lease(redis: Redis, crashes: int, lock_ms: int) -> None:
    """The host that takes it along before it has started it is to cost it half the time."""
    keys = QueueKeys("bullmq", "q")
    job = NewJob(queue="q", id="j", name="noop", data={}, added_ms=0, crashes=crashes)
    batches.add_many(scripts(redis), keys, [job])

    batches.claim_many(scripts(redis), keys, ["w:1"], now_ms=0, lock_ms=10_000, worker="w")

    assert lock_ms - 2_000 < redis.pttl(keys.lock("j")) <= lock_ms
