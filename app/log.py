"""Structured logs: one line an event, JSON in production, readable otherwise."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog


def configure(style: Literal["json", "console"], level: int = logging.INFO) -> None:
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
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
            ],
        )
    )
    # A parked job is told by its end; Dramatiq warns of each as "skipped".
    logging.getLogger("dramatiq.worker.WorkerThread").addFilter(lambda record: "was skipped" not in record.msg)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
