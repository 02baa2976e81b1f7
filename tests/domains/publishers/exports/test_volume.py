"""A million rows, through a worker's process, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from app import db
from app.models.ad_event import AdEvent
from tests.domains.publishers.conftest import add_publisher
from tests.domains.publishers.exports.conftest import FIRST

ROWS = 1_000_000
PROGRAM = """
import json, sys, time
from app import db
from app.domains.publishers.exports.formats import FORMATS
from app.domains.publishers.exports.rows import rows_of
from app.domains.publishers.artifacts.files import artifact_file, published
from app.jobs.payloads import ExportFilters
from app.models.publisher import Publisher
from datetime import date
import app.domains.publishers.exports.make, app.jobs.engine, workers.artifacts

def peak_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

began, base = time.monotonic(), peak_kb()
path = artifact_file("exports", "volume", sys.argv[1])
with published(path, 1) as file, db.reading() as session:
    publisher = session.get_one(Publisher, "pub-1")
    rows = rows_of(publisher, date(2026, 1, 1), date(2027, 1, 1), ExportFilters(source="events"))
    for line in FORMATS[sys.argv[1]](rows.columns, rows.read(session)):
        file.write(line.encode())
print(json.dumps({"seconds": time.monotonic() - began, "bytes": path.stat().st_size, "base_kb": base,
                  "peak_kb": peak_kb()}))
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_million_rows_take_less_than_100_mb(exports: Path, database_url: str, kind: str) -> None:
    """The whole process, measured by the kernel as its greatest resident size."""
    add_publisher()
    with db.engine().begin() as connection:
        for start in range(0, ROWS, 10_000):
            rows = [_event(number) for number in range(start, start + 10_000)]
            connection.execute(insert(AdEvent), rows)

    ended = subprocess.run([sys.executable, "-c", PROGRAM, kind], capture_output=True, text=True, check=True)

    found = json.loads(ended.stdout.splitlines()[-1])
    print(f"\n{ROWS:,} rows as {kind}, {database_url.partition(':')[0]}: {found}")  # noqa: T201
    [file] = exports.iterdir()
    with file.open() as lines:
        assert sum(1 for _ in lines) == ROWS + (1 if kind == "csv" else 2)
    assert found["peak_kb"] < 100 * 1024


def _event(number: int) -> dict[str, object]:
    at = FIRST + timedelta(seconds=number * 30)
    counts = {"requests": 1, "impressions": 1, "clicks": 0, "revenue": 0, "currency": "USD", "delay_s": 0}
    return {"publisher_id": "pub-1", "event_id": f"event-{number}", "occurred_at": at, "received_at": at, **counts}
