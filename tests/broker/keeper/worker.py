"""A worker of a few lines: it claims jobs, says so to its keeper, and otherwise does what it is told on its input."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from typing import Any, TextIO

import msgpack

from app.broker.connection import connect
from app.broker.keys import QueueKeys
from app.broker.leases import Leases
from app.broker.scripts import scripts

PARTS = ("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta", "pc", "marker")


class ScriptedWorker:
    """Each public method is an order that a test may give; what it returns is the reply."""

    def __init__(self, prefix: str, options: dict[str, Any]) -> None:
        self._redis = connect(options["url"])
        self._prefix = prefix
        self._lock_ms = options["lock_ms"]
        self._name = options["worker"]
        self._lost: list[str] = []
        self._claims = 0
        self._tokens: dict[str, str] = {}
        self._leases = Leases(
            prefix=prefix, on_lost=lambda _queue, job_id, _token: self._lost.append(job_id), **options
        )

    def claim(self, queue: str, *, tell: bool = True) -> str | None:
        """BullMQ's own claim; the id of the job."""
        self._claims += 1
        token = f"{self._name}:{self._claims}"
        keys = QueueKeys(self._prefix, queue)
        opts = msgpack.packb({"token": token, "lockDuration": self._lock_ms})
        _, job_id, *_ = scripts(self._redis).run(
            "moveToActive", keys.all(*PARTS), [keys.base, int(time.time() * 1000), opts]
        )
        if not job_id:
            return None
        self._tokens[job_id] = token
        if tell:
            self._leases.held(queue, job_id, token)
        return str(job_id)

    def claim_in_secret(self, queue: str) -> str | None:
        """A claim whose reply was never read."""
        return self.claim(queue, tell=False)

    def start(self, queue: str, job_id: str, hard_limit_ms: int | None = None) -> None:
        """Run it, for ever."""
        self._leases.started(queue, job_id, self._tokens[job_id], hard_limit_ms)

    def end(self, queue: str, job_id: str) -> None:
        """Its run is over, its end not settled."""
        self._leases.ended(queue, job_id, self._tokens[job_id])

    def settle(self, queue: str, job_id: str) -> None:
        """Its claim is over."""
        self._leases.settled(queue, job_id, self._tokens[job_id])

    def hand_back(self, queue: str, job_id: str) -> bool:
        """Give it back, as at a graceful shutdown."""
        return self._leases.hand_back(queue, job_id, self._tokens[job_id])

    def renew(self, queue: str, job_id: str) -> bool:
        """Renew its lock now."""
        return self._leases.renew(queue, job_id, self._tokens[job_id])

    def stop(self) -> None:
        """Say that the end is near."""
        self._leases.stopping()

    def lost(self) -> list[str]:
        """The jobs that turned out to be another's."""
        return self._lost

    def keeper_pid(self) -> int:
        """The keeper of now."""
        return self._leases.keeper_pid()

    def pid(self) -> int:
        """This process."""
        return os.getpid()

    def fork(self) -> int:
        """A child that outlives us, as ``multiprocessing`` in an actor would leave."""
        if child := os.fork():
            return child
        signal.pause()
        os._exit(0)

    def close_pipe(self) -> None:
        """As nobody should."""
        os.close(self._leases._keeper._tells)

    def chatter(self, messages: int) -> None:
        """So much to say that a keeper which does not read has a full pipe."""
        for _ in range(messages):
            self._leases.watch("chatter")

    def crash(self) -> None:
        """Die of a segmentation fault."""
        os.kill(os.getpid(), signal.SIGSEGV)

    def ignore_sigterm(self) -> None:
        """Be a worker that hangs in its shutdown."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def close(self) -> None:
        """Dismiss the keeper."""
        self._leases.close()


def serve(orders: TextIO, prefix: str, options: dict[str, Any]) -> None:
    """Obey until the input ends."""
    worker = ScriptedWorker(prefix, options)
    for line in orders:
        order, *words = json.loads(line)
        sys.stdout.write(json.dumps(getattr(worker, order)(*words)) + "\n")
        sys.stdout.flush()


def main() -> None:
    """``worker.py <prefix> <options> [under-master]``, where the options are those of Leases."""
    prefix, options = sys.argv[1], json.loads(sys.argv[2])
    if sys.argv[3:] == ["under-master"]:
        orders = os.fdopen(os.dup(0))  # multiprocessing takes the input itself away
        child = multiprocessing.get_context("fork").Process(target=serve, args=(orders, prefix, options))
        child.start()
        child.join()
    else:
        serve(sys.stdin, prefix, options)


if __name__ == "__main__":
    main()
