"""The producer's keeper finds the jobs of lost hosts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.broker.batches import claim_many
from app.broker.claims import read_claim
from app.broker.leases import Leases
from app.broker.queue import Queue
from app.broker.scripts import scripts
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue
from app.jobs.payloads import ProcessUserData
from producer.stalled import StalledWatch
from tests.servers import wait_for

LEASE_MS = 500


@pytest.fixture
def leases(redis_url: str) -> Iterator[Leases]:
    """The producer's, with a real keeper; it has claimed nothing."""
    leases = Leases(url=redis_url, prefix=broker().prefix, worker="producer", lock_ms=LEASE_MS)
    yield leases
    leases.close()


def test_jobs_of_a_queue_that_no_worker_serves_any_more_wait_again(queue: Queue, leases: Leases) -> None:
    """Their worker and its keeper are gone, and nobody else's looks there."""
    lost = enqueue(PROCESS_USER_DATA, ProcessUserData(user_id="7"))
    claim_and_vanish(queue, lost)

    StalledWatch()(leases)

    wait_for(lambda: queue.job_state(lost) == "waiting", "the job to wait again")


def claim_and_vanish(queue: Queue, job_id: str) -> None:
    """As a host does that is lost right after its claim; its lock lapses at once."""
    recorder = broker().recorder
    assert recorder is not None
    found = claim_many(scripts(queue.redis), queue.keys, ["lost:1"], now_ms=queue.now_ms(), lock_ms=1, worker="lost")
    recorder.claimed([read_claim(queue.name, "lost", one, fields) for one, fields in found.jobs])
    assert [one for one, _ in found.jobs] == [job_id]
