"""The log as production writes it: JSON, a line an event."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SAYS = """
import logging
import structlog
from app import log
log.configure("json", "INFO")
logging.getLogger("engine").info("Job completed", extra={"event_name": "job.completed", "queue": "mail", "jobId": "7"})
structlog.get_logger("app").info("Service synced", event_name="service.synced", service="1")
structlog.get_logger("app").info("cron.skipped", jobName="x")
logging.getLogger("engine").debug("not told")
"""


def test_a_documented_line_has_its_text_as_message_and_its_event_beside_it() -> None:
    """CONTRACTS C30, for lines of the engine and of the rest; a line without a text of its own stays as it is."""
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True).stderr

    lines = [json.loads(line) for line in said.splitlines()]
    kept = [{name: line[name] for name in line.keys() - {"timestamp", "logger"}} for line in lines]
    assert kept == [
        {"level": "info", "event": "job.completed", "message": "Job completed", "queue": "mail", "jobId": "7"},
        {"level": "info", "event": "service.synced", "message": "Service synced", "service": "1"},
        {"level": "info", "event": "cron.skipped", "jobName": "x"},
    ]


@pytest.mark.parametrize(
    ("setup", "is_told"),
    [
        ("logging.basicConfig(level=logging.INFO); from app.broker import told", False),
        ("from app import log; log.configure('json', 'INFO'); from app.broker import told", True),
        ("from app.broker import told; from app import log; log.configure('json', 'INFO')", True),
        ("from app.broker import told; from app import log; log.configure('json', 'WARNING')", False),
    ],
)
def test_the_engine_tells_what_goes_well_where_the_application_has_asked(setup: str, is_told: bool) -> None:
    """Whichever was imported first; under plain Dramatiq, which shows none of a line's fields, nobody has."""
    asks = (
        f"import logging; {setup}; print(told.log.isEnabledFor(logging.INFO), told.log.isEnabledFor(logging.WARNING))"
    )

    said = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True).stdout

    assert said.split() == [str(is_told), "True"]
