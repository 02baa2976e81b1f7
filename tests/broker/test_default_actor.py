"""A queue that names a default actor takes jobs of any name (CONTRACTS C29)."""

from __future__ import annotations

import dramatiq
import pytest
from dramatiq import Worker

from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from tests.servers import wait_for


@pytest.fixture
def broker(redis_url: str) -> BullMQBroker:
    """``exports`` has a default actor and one more; ``mail`` has none."""
    broker = BullMQBroker(redis_url, prefix="labels", default_actors={"exports": "export_data"})
    for name, queue in (("export_data", "exports"), ("forget_exports", "exports"), ("send_mail", "mail")):
        dramatiq.actor(actor_name=name, queue_name=queue, broker=broker)(lambda name=name: name)
    return broker


def ran(queue: Queue, job_id: str) -> object:
    """What the job returned: the name of the actor that ran it."""
    wait_for(lambda: queue.job_state(job_id) == "completed", f"job {job_id} to complete")
    job = queue.get_job(job_id)
    assert job is not None
    return job.return_value


def test_a_free_name_is_a_label_on_the_default_actor(broker: BullMQBroker) -> None:
    """The queue's other actors keep their names; another queue's actor is not called from here."""
    queue = broker.queue("exports")
    job_ids = {name: queue.add(name, {}) for name in ("monthly-export", "export_data", "forget_exports", "send_mail")}
    worker = Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    try:
        found = {name: ran(queue, job_id) for name, job_id in job_ids.items()}
    finally:
        worker.stop(timeout=5_000)

    assert found == {
        "monthly-export": "export_data",
        "export_data": "export_data",
        "forget_exports": "forget_exports",
        "send_mail": "export_data",
    }
    labelled = queue.get_job(job_ids["monthly-export"])
    assert labelled is not None
    assert labelled.name == "monthly-export"


def test_a_queue_without_a_default_has_no_labels(broker: BullMQBroker) -> None:
    """There the name is the actor's."""
    assert broker.actor_of("mail", "monthly-mail") == "monthly-mail"
