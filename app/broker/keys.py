"""Every Redis key of a queue, as BullMQ names them. No other module spells one."""

from __future__ import annotations

import base64


class QueueKeys:
    """The keys of one queue: ``<prefix>:<queue>:<part>``. Raises InvalidName for an empty name or one with a colon."""

    def __init__(self, prefix: str, queue: str) -> None:
        if not queue or ":" in queue:
            from app.broker.errors import InvalidName  # it imports Dramatiq, which the keeper must not load

            raise InvalidName("queue name", queue)
        self.prefix = prefix
        self.queue = queue
        self.base = f"{prefix}:{queue}:"

    def __getitem__(self, part: str) -> str:
        """The key of one part: ``wait``, ``active``, ``meta`` … or of one job, by its id."""
        return self.base + part

    def all(self, *parts: str) -> list[str]:
        """Several keys, in the order that a script wants them."""
        return [self.base + part for part in parts]

    def lock(self, job_id: str) -> str:
        """The lease of an active job; its value is the claim's token."""
        return f"{self.base}{job_id}:lock"

    def logs(self, job_id: str) -> str:
        """The log lines of a job."""
        return f"{self.base}{job_id}:logs"

    def client_name(self) -> str:
        """How a worker's blocking connection is named, so that BullMQ's ``getWorkers`` finds it."""
        return f"{self.prefix}:{base64.b64encode(self.queue.encode()).decode()}"


def epoch(prefix: str) -> str:
    """Names the server that is known to have lost nothing; no job's key either."""
    return f"{prefix}:epoch"


def keeper_beat(prefix: str, worker: str) -> str:
    """Exists as long as that worker's keeper lives and reaches Redis; no job's key, since it has no queue's meta."""
    return f"{prefix}:keeper:{worker}"
