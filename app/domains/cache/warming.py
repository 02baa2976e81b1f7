"""Answers are computed again before they run out, so that the next read of one finds it (S3-6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from redis import Redis

from app.broker.errors import Unrecoverable
from app.domains.cache import answers

log = structlog.get_logger(__name__)


def warm(redis: Redis, keys: Sequence[str], compute: Callable[..., Any]) -> dict[str, Any]:
    """Keep each key's answer anew; returns how many, and why others were not.

    One that cannot be computed any more keeps nobody from theirs. Raises Unrecoverable if that is all of them.
    """
    failed: dict[str, str] = {}
    for key in keys:
        try:
            answers.refresh(redis, key, partial(compute, *answers.key_parts(key)))
        except Unrecoverable as error:
            log.warning("cache.not_warmed", key=key, reason=str(error))
            failed[key] = str(error)
    if keys and len(failed) == len(keys):
        raise Unrecoverable("; ".join(failed.values()))
    return {"warmed": len(keys) - len(failed), "failed": failed}
