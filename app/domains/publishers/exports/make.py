"""The job of an export: from rows to a file, with its progress (S3-3)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import update

from app import db
from app.broker.current import RunningJob, current_job
from app.domains.publishers.artifacts.files import artifact_file, published
from app.domains.publishers.artifacts.making import begin, completing, run_of, telling_failures
from app.domains.publishers.exports.formats import FORMATS
from app.domains.publishers.exports.rows import Cell, Rows, rows_of
from app.jobs.payloads import ExportData
from app.ledger.errors import unavailable_when_operational
from app.models.export import Export

TELL_EVERY_S = 1.0


def export_data(asked: ExportData) -> dict[str, Any]:
    """Write the file, then complete the export and the job together. Called inside an actor.

    Raises PublisherNotFound and NotTheirs, which no later attempt could mend.
    """
    job = current_job()
    wanted = {
        "format": asked.format,
        "start_on": asked.start_date,
        "end_on": asked.end_date,
        "filters": asked.filters.model_dump(mode="json", by_alias=True),
        "progress": 0,
        "rows": None,
        "bytes": None,
    }
    export, publisher = begin(job, Export, asked.job_id, asked.publisher_id, wanted)
    with telling_failures(job, export):
        rows = rows_of(publisher, asked.start_date, asked.end_date, asked.filters)
        path = artifact_file(Export.__tablename__, export.id, export.format)
        export.rows, export.bytes = _write(job, export, rows, path), path.stat().st_size
        export.progress = 100
        made = {"exportId": export.id, "rows": export.rows, "bytes": export.bytes}
        with completing(job, export) as ending:
            ending.return_value = made
    return made


def _write(job: RunningJob, export: Export, rows: Rows, path: Path) -> int:
    progress = _Progress(job, export)
    with published(path, run_of(job)) as file, unavailable_when_operational(), db.reading() as session:
        progress.total = rows.count(session)
        for line in FORMATS[export.format](rows.columns, progress.of(rows.read(session))):
            file.write(line.encode())
    return progress.written


class _Progress:
    """How far it has come, told once a second: to listeners by the job, to the export's row for whoever asks."""

    def __init__(self, job: RunningJob, export: Export) -> None:
        self._job = job
        self._export = export
        self._told_at = time.monotonic()
        self.total = 0
        self.written = 0

    def of(self, rows: Iterable[list[Cell]]) -> Iterator[list[Cell]]:
        """The same rows, counted."""
        for row in rows:
            self.written += 1
            if self.written % 100 == 0 and time.monotonic() - self._told_at >= TELL_EVERY_S:
                self._tell(min(self.written * 100 // max(self.total, 1), 99))
            yield row

    def _tell(self, percent: int) -> None:
        self._told_at = time.monotonic()
        self._job.update_progress(percent)
        with db.session() as session:
            session.execute(update(Export).where(Export.id == self._export.id).values(progress=percent))
