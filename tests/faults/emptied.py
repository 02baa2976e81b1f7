"""What waits in Redis when it is emptied: delayed and parked jobs, flows, and queues that somebody has stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from app import db
from app.broker.broker import BullMQBroker
from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from app.ledger.recorder import Ledger
from app.models.job_status import JobStatus, Status
from app.settings import settings

BUSY = "faults"
PAUSED, DRAINED, CLEANED = "paused", "drained", "cleaned"
QUEUES = (PAUSED, DRAINED, CLEANED)
PARKED_FOR = timedelta(seconds=40)
DELAY_MS = 60_000
JOBS, FLOWS, CHILDREN = 20, 5, 3


class Waiting:
    """Jobs that wait, under ids that say how."""

    def __init__(self) -> None:
        self._broker = BullMQBroker(settings().queue_redis_url, prefix=settings().queue_prefix, recorder=Ledger())
        self.paused, self.drained, self.cleaned = map(self._broker.queue, QUEUES)
        self._busy = self._broker.queue(BUSY)

    def add(self) -> None:
        """All of them; the drained and the cleaned queue are emptied on purpose at once."""
        for queue in (self.paused, self.drained, self.cleaned):
            queue.pause()
            for number in range(JOBS):
                queue.add(f"work-{queue.name}", {}, job_id=f"{queue.name}-{number}")
        self.drained.drain()
        self.cleaned.clean(0, state="waiting")
        self.drained.resume()
        self.cleaned.resume()
        for number in range(JOBS):
            self._busy.add("work", {}, job_id=f"delayed-{number}", delay_ms=DELAY_MS)
            self._busy.add("parked", {}, job_id=f"parked-{number}")
        for number in range(FLOWS):
            children = [
                Flow(
                    "work", BUSY, {"ms": 10}, options={"job_id": f"child-{number}-{n}", "delay_ms": DELAY_MS * (n % 2)}
                )
                for n in range(CHILDREN)
            ]
            FlowProducer(self._broker).add(
                Flow("gather", BUSY, children=children, options={"job_id": f"parent-{number}"})
            )

    def are_back(self) -> bool:
        """Whether Redis has every job that its row says is open, of each of the queues."""
        with db.reading() as session:
            rows = session.scalars(select(JobStatus).where(JobStatus.ended_at.is_(None))).all()
        return all(self._broker.queue(row.queue).job_state(row.job_id) for row in rows if row.name in WAITING_NAMES)

    def removed(self, queue: Queue) -> Iterator[JobStatus]:
        """The rows of a queue that was emptied on purpose and are not marked so."""
        with db.reading() as session:
            rows = session.scalars(select(JobStatus).where(JobStatus.queue == queue.name)).all()
        yield from (row for row in rows if row.status != Status.REMOVED)


#: Those that are open for as long as nothing but their time, their children or an operator holds them.
WAITING_NAMES = ("work", "parked", "gather", f"work-{PAUSED}")
