"""What is made for publishers, as actors."""

from __future__ import annotations

from typing import Any

from app.domains.publishers.exports import make
from app.domains.publishers.reports import make as reports
from app.jobs.actor import actor
from app.jobs.catalog import EXPORT_DATA, GENERATE_REPORT
from app.jobs.payloads import ExportData, GenerateReport


@actor(EXPORT_DATA)
def export_data(**asked: Any) -> dict[str, Any]:
    """Write a publisher's rows to a file."""
    return make.export_data(ExportData(**asked))


@actor(GENERATE_REPORT)
def generate_report(**asked: Any) -> dict[str, Any]:
    """Make a publisher's report and mail it."""
    return reports.generate_report(GenerateReport(**asked))
