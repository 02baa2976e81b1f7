"""What is made for publishers, as actors."""

from __future__ import annotations

from typing import Any

from app.domains.publishers.exports import make
from app.jobs.actor import actor
from app.jobs.catalog import EXPORT_DATA
from app.jobs.payloads import ExportData


@actor(EXPORT_DATA)
def export_data(**asked: Any) -> dict[str, Any]:
    """Write a publisher's rows to a file."""
    return make.export_data(ExportData(**asked))
