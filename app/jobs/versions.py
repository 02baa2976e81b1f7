"""Which version a job's data are of, so that old and new workers can share a queue while a release is rolled out.

It travels in the job's options: the data stay what the documents say, and producers that know of no version go on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.broker import grace
from app.broker.current import RunningJob
from app.broker.errors import Park, Unrecoverable
from app.clock import from_ms
from app.jobs.catalog import JobSpec
from app.jobs.engine import broker

#: The option's name; a job without it is of version 1.
OPTION = "payloadVersion"


def version_option(spec: JobSpec[Any]) -> dict[str, int]:
    """What a new job's options say of its version; nothing of the first, as for a producer that knows of none."""
    return {OPTION: spec.version} if spec.version > 1 else {}


def check_version(spec: JobSpec[Any], job: RunningJob) -> None:
    """Return if this code understands the job's data.

    Else the job waits, three times for 15 s, for a worker that does, and then fails: Park, at last Unrecoverable.
    The reason stands in the job's log meanwhile, once for each time that it had to wait.
    """
    version = job.claim.opts.get(OPTION, 1)
    if version in range(spec.oldest_version, spec.version + 1):
        return
    known = f"{spec.oldest_version} to {spec.version}" if spec.oldest_version < spec.version else f"{spec.version}"
    reason = f"data of {spec.name!r} are of version {str(version)[:32]!r}; this worker understands {known}"
    queue = broker().queue(job.queue)
    if grace.may_wait(queue, job.id, reason):
        raise Park(from_ms(queue.now_ms()) + timedelta(milliseconds=grace.WAIT_MS), reason)
    raise Unrecoverable(reason)
