"""An actor of a catalog's job: its data checked, its limits the spec's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import dramatiq
from pydantic import ValidationError

from app.broker.current import current_job
from app.broker.errors import Unrecoverable
from app.jobs.catalog import JobSpec, P
from app.jobs.engine import broker
from app.jobs.versions import check_version


def actor(spec: JobSpec[P], **options: Any) -> Callable[[Callable[..., Any]], dramatiq.Actor[..., Any]]:
    """Declare the function as the actor of that job on this process's broker.

    It is called with the payload's fields as keyword arguments. Data that are not such a payload, whoever added them,
    fail the job at once: no later attempt could make them good. Data of another version than this code knows wait for
    a worker that does. ``options`` are further ones of Dramatiq's actors.
    """

    def declare(function: Callable[..., Any]) -> dramatiq.Actor[..., Any]:
        @wraps(function)
        def run(**data: Any) -> Any:
            check_version(spec, current_job())
            return function(**dict(_payload(spec, data)))

        declared = dramatiq.actor(
            actor_name=spec.name,
            queue_name=spec.queue,
            broker=broker(),
            time_limit=spec.timeout_s * 1_000,
            attempts=spec.attempts_allowed,
            **options,
        )
        return declared(run)

    return declare


def _payload(spec: JobSpec[P], data: dict[str, Any]) -> P:
    try:
        return spec.payload.model_validate(data)
    except ValidationError as error:
        # Places and kinds only: the values may be anybody's.
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise Unrecoverable(f"data of {spec.name!r} are not valid: {'; '.join(faults)}") from None
