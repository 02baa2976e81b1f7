"""Who listens to which queue now: the connections that wait for jobs, Node's and ours, one a worker process."""

from __future__ import annotations

from collections.abc import Mapping

from app.jobs.catalog import queues
from app.jobs.engine import broker


def listeners() -> Mapping[str, int]:
    """How many workers each queue has, by one look at Redis's clients."""
    names = {broker().queue(queue).keys.client_name(): queue for queue in queues()}
    found = dict.fromkeys(names.values(), 0)
    for client in broker().redis.client_list():
        own, _, _ = client["name"].partition(":w:")
        if own in names:
            found[names[own]] += 1
    return found
