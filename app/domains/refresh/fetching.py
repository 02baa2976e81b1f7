"""The datasets of one part: each fetched once per job, each in its own try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, RedisError, TimeoutError

from app.domains.amazon.client import Amazon
from app.domains.amazon.datasets import discard, fetch
from app.domains.amazon.errors import AccountRevoked, AmazonError, Wait
from app.domains.amazon.staging import RedisStaging
from app.domains.refresh.amazon_account import open_amazon, window_of
from app.domains.refresh.checkpoint import PartProgress
from app.domains.refresh.parts import Part
from app.domains.refresh.run import Run

log = structlog.get_logger(__name__)

#: The cache's Redis, which has budgets and what is staged, cannot be used now: that is no dataset's failure.
AWAY = (ConnectionError, TimeoutError, OutOfMemoryError, ReadOnlyError)


@dataclass(slots=True)
class Fetched:
    """What one run got of a part. ``waits`` say what each waiting dataset waits for, and until when."""

    payloads: dict[str, Any] = field(default_factory=dict)
    waits: list[Wait] = field(default_factory=list)


def fetch_missing(run: Run, part: Part) -> Fetched:
    """Fetch what no earlier run of this job has; note in the checkpoint what failed, and what a wait needs to go on.

    One dataset's failure does not stop the next. Earlier datasets are read back from where the client has staged
    them, and only once nothing more will come. Raises AccountRevoked: no dataset of the account can be had then; and
    what is in ``AWAY``.
    """
    progress = run.checkpoint.part(part.key)
    amazon = open_amazon(part.account, run.cache, run.job.id, run.now)
    fetched = Fetched()
    wanted = [dataset for dataset in part.datasets if dataset not in progress.failures]
    staged = [dataset for dataset in wanted if progress.states.get(dataset, {}).get("done")]
    for dataset in wanted:
        if dataset not in staged:
            _fetch(run, dataset, amazon, progress, fetched)
    for dataset in staged:
        if not (fetched.waits or run.may_retry(progress)):
            _fetch(run, dataset, amazon, progress, fetched)
    return fetched


def discard_staged(run: Run, states: Mapping[str, dict[str, Any]]) -> None:
    """Give back the memory of what has been analysed; what cannot be removed now goes by itself after a day."""
    try:
        for state in states.values():
            discard(RedisStaging(run.cache), state)
    except RedisError as error:
        log.warning("refresh.staged_left", job_id=run.job.id, reason=str(error))


def _fetch(run: Run, dataset: str, amazon: Amazon, progress: PartProgress, fetched: Fetched) -> None:
    state = progress.states.setdefault(dataset, {})
    try:
        fetched.payloads[dataset] = fetch(dataset, amazon, window_of(run.checkpoint.as_of), state)
    except Wait as wait:
        fetched.waits.append(wait)
    except (AccountRevoked, *AWAY):
        raise
    except AmazonError as error:
        progress.fail(dataset, f"{dataset}: {error}", run.attempt, final=not error.transient)
    except Exception as error:
        log.exception("refresh.dataset_failed", dataset=dataset, job_id=run.job.id)
        progress.fail(dataset, f"{dataset}: {type(error).__name__}: {error}", run.attempt)
