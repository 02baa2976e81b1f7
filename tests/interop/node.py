"""The real BullMQ, in a Node process beside the tests: every call is a line over a pipe."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent
ANSWER_S = 20


class NodeError(Exception):
    """What BullMQ threw."""


class Node:
    """One Node process; several calls may be under way at once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "bridge.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._reader = threading.Thread(target=self._read, name="node", daemon=True)
        self._reader.start()

    def start(self, op: str, *args: Any) -> Future[Any]:
        """Begin an operation of bridge.mjs."""
        assert self._process.stdin is not None
        assert self._reader.is_alive(), "the Node process has ended: its standard error says why"
        call = next(self._ids)
        answer = self._waiting[call] = Future()
        self._process.stdin.write(json.dumps({"id": call, "op": op, "args": args}) + "\n")
        self._process.stdin.flush()
        return answer

    def call(self, op: str, *args: Any) -> Any:
        """The value of an operation. Raises NodeError with BullMQ's message."""
        return self.start(op, *args).result(ANSWER_S)

    def connect(self, redis_url: str, prefix: str) -> None:
        """Everything from now on happens in that Redis, under that prefix."""
        where = urlsplit(redis_url)
        self.call("connect", where.hostname, where.port, prefix)

    def queue(self, name: str, method: str, *args: Any) -> Any:
        """The value of any method of BullMQ's Queue."""
        return self.call("queue", name, method, *args)

    def add(self, queue: str, name: str, data: dict[str, Any], **opts: Any) -> str:
        """``queue.add(name, data, opts)``; returns the job's id."""
        job_id: str = self.queue(queue, "add", name, data, opts)["id"]
        return job_id

    def job(self, queue: str, job_id: str) -> dict[str, Any]:
        """The fields that BullMQ's Job shows."""
        job: dict[str, Any] = self.queue(queue, "getJob", job_id)
        return job

    def seen(self, queue: str, event: str | None = None) -> list[Any]:
        """The events that ``listen`` has collected, as (name, payload); of one name, its payloads."""
        seen = self.call("seen", queue)
        return [payload for name, payload in seen if name == event] if event else seen

    def end(self) -> None:
        """Let the process go, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._reader.join(5)
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["id"])
            if "error" in answer:
                waiting.set_exception(NodeError(answer["error"]))
            else:
                waiting.set_result(answer["value"])
        for waiting in self._waiting.values():
            waiting.set_exception(NodeError("the Node process has ended"))
