"""The Lua scripts: BullMQ's own, from its pinned wheel, and the few of ours that none of them replaces.

A script's file name ends in its key count. The counts are asserted here, at import, because they change between
BullMQ's releases, and a call with the wrong count corrupts a queue in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from app.broker.lines import call, lines

OFFICIAL = {
    "addDelayedJob": 6,
    "addJobScheduler": 11,
    "addLog": 2,
    "addParentJob": 6,
    "addPrioritizedJob": 9,
    "addStandardJob": 9,
    "changeDelay": 4,
    "changePriority": 7,
    "cleanJobsInSet": 3,
    "drain": 5,
    "getCounts": 1,
    "getJobScheduler": 1,
    "getMetrics": 2,
    "getRanges": 1,
    "getStateV2": 8,
    "moveJobsToWait": 8,
    "moveStalledJobsToWait": 9,
    "moveToActive": 11,
    "moveToDelayed": 11,
    "moveToFinished": 14,
    "moveToWaitingChildren": 7,
    "obliterate": 2,
    "pause": 7,
    "promote": 9,
    "removeJob": 2,
    "removeJobScheduler": 3,
    "reprocessJob": 9,
    "retryJob": 11,
    "updateData": 1,
    "updateJobScheduler": 12,
    "updateProgress": 3,
}
OWN = {
    "addMany": 9,
    "claimMany": 12,
    "finishMany": 13,
    "handBack": 7,
    "renew": 2,
    "take": 9,
    "wakeMaxed": 5,
}


def _official_directory() -> Path:
    # Found, not imported: the package's Python is an asyncio client that the keeper must not load.
    spec = find_spec("bullmq")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("bullmq is not installed; its Lua scripts are the engine: pip install bullmq==3.4.4")
    return Path(spec.submodule_search_locations[0]) / "commands"


def _read(directory: Path, counts: dict[str, int]) -> dict[str, tuple[int, str]]:
    sources = {}
    for name, keys in counts.items():
        path = directory / f"{name}-{keys}.lua"
        if not path.exists():
            found = [other.name for other in directory.glob(f"{name}-*.lua")]
            raise RuntimeError(
                f"no {path.name} in {directory}; found {found}, bullmq {version('bullmq')}: install the pinned release"
            )
        sources[name] = (keys, path.read_text())
    return sources


_SOURCES = _read(_official_directory(), OFFICIAL) | _read(Path(__file__).parent / "lua", OWN)


class Scripts:
    """The scripts, callable by name on one client."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._loaded = {name: redis.register_script(source) for name, (_, source) in _SOURCES.items()}
        self._lines = lines(redis.connection_pool)
        # A client of one connection is one because it matters which.
        self._call = partial(call, redis.connection) if redis.connection else self._lines.call

    def run(self, name: str, keys: list[str], args: list[Any], pipe: Pipeline | None = None) -> Any:
        """The script's reply; ValueError if the number of keys is not the one in its file name."""
        script = self._script(name, keys)
        if pipe is not None:
            return script(keys=keys, args=args, client=pipe)
        try:
            return self._call("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return self._call("EVAL", script.script, len(keys), *keys, *args)

    def stream(self, name: str, keys: list[str], calls: Iterable[list[Any]]) -> Iterator[Any]:
        """The replies of many calls; each but the first is sent before the reply of the one before it is awaited."""
        calls = iter(calls)
        if (first := next(calls, None)) is None:
            return
        yield self.run(name, keys, first)  # then Redis knows the script
        sha = self._script(name, keys).sha
        yield from self._lines.stream(("EVALSHA", sha, len(keys), *keys, *args) for args in calls)

    def _script(self, name: str, keys: list[str]) -> Script:
        expected = _SOURCES[name][0]
        if len(keys) != expected:
            raise ValueError(f"script {name} takes {expected} keys, got {len(keys)}")
        return self._loaded[name]


@lru_cache(maxsize=32)
def scripts(redis: Redis) -> Scripts:
    """The scripts of this client, registered once."""
    return Scripts(redis)
