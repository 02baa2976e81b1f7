"""Structured logs: one line an event, JSON in production, readable otherwise."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

#: What records of the standard library bring along (``extra``): the fields of document 003's lines.
FIELDS = ("event_name", "queue", "jobName", "jobId", "reason", "attempt", "progress")
#: At debug these log URLs, headers and bodies, and so the secrets in them (faults 27).
QUOTES_WHAT_IT_SENDS = ("apprise", "requests", "requests_oauthlib", "urllib3")


def configure(style: Literal["json", "console"], level: int | str = logging.INFO) -> None:
    """Send structlog's events and the standard library's records to stderr in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(FIELDS)],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                *([_as_documented] if style == "json" else []),
                render,
            ],
        )
    )
    # A parked job is told by its end; Dramatiq warns of each as "skipped".
    logging.getLogger("dramatiq.worker.WorkerThread").addFilter(lambda record: "was skipped" not in record.msg)
    # It tells of each plugin that every import of it sets up.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    # The engine's lines of what goes well; by itself it tells of what does not.
    logging.getLogger("app.broker.told").setLevel(level)
    for name in QUOTES_WHAT_IT_SENDS:
        logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _as_documented(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A line with a documented text has it as its ``message``, and its event's name as ``event`` (C30)."""
    name = event.pop("event_name", None)
    return event if name is None else {"message": event["event"], **event, "event": name}
