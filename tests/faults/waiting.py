"""The entry module of workers whose jobs wait in every way there is: ``dramatiq tests.faults.waiting``."""

from __future__ import annotations

import dramatiq

from app.broker.errors import Park
from app.clock import utc_now
from app.ledger.effect import effect, step
from tests.faults import effects
from tests.faults.actors import QUEUE, broker, journalled
from tests.faults.emptied import PARKED_FOR, QUEUES

# One thread for each of the quiet queues; the rest is the busy one's.
broker.concurrency = {QUEUE: broker.concurrency[QUEUE] - len(QUEUES), **dict.fromkeys(QUEUES, 1)}


@dramatiq.actor(queue_name=QUEUE)
def parked() -> None:
    """Wait once, and then have an effect; that it has waited stands in its row."""
    with journalled() as job:
        if job.start is None or job.start.checkpoint is None:
            with step(job, {"waited": True}):
                pass
            raise Park(utc_now() + PARKED_FOR)
        with effect(job) as outcome:
            effects.leave(outcome.session, job)


@dramatiq.actor(queue_name=QUEUE)
def gather() -> int:
    """Of a flow's children, how many it finds ended."""
    with journalled() as job, effect(job) as outcome:
        effects.leave(outcome.session, job)
    return len(broker.queue(QUEUE).redis.hgetall(f"{broker.queue(QUEUE).keys[job.id]}:processed"))


def quiet_work() -> None:
    """Have an effect."""
    with journalled() as job, effect(job) as outcome:
        effects.leave(outcome.session, job)


for queue in QUEUES:
    dramatiq.actor(actor_name=f"work-{queue}", queue_name=queue)(quiet_work)
