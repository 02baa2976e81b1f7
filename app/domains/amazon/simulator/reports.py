"""Reports 2021-06-30: asked for, worked on, then a document for download."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import Any

from flask import Blueprint, request

from app.domains.amazon.simulator.asked import body, books_of, instant, moment, page
from app.domains.amazon.simulator.book import Book
from app.domains.amazon.simulator.gate import Answer, Refused, invalid, operation
from app.domains.amazon.simulator.performance import performance_v1, performance_v2
from app.domains.amazon.simulator.state import Seller, Task, simulator
from app.domains.amazon.simulator.traffic import sales_and_traffic

bp = Blueprint("reports", __name__)

_STAGES = ("IN_QUEUE", "IN_PROGRESS", "DONE")


@bp.post("/reports/2021-06-30/reports")
@operation("createReport", rate=0.0167, burst=15)
def create_report(seller: Seller) -> Answer:
    """One of the three reports that the books can tell."""
    asked = body()
    marketplaces = asked.get("marketplaceIds")
    if not isinstance(marketplaces, list) or not marketplaces:
        raise invalid("marketplaceIds is required")
    content = _content(asked, books_of(seller, marketplaces))
    task = simulator().begin(seller, asked, *content)
    return {"reportId": task.id}, 202


@bp.get("/reports/2021-06-30/reports")
@operation("getReports", rate=0.0222, burst=10)
def get_reports(seller: Seller) -> Answer:
    """The seller's reports of some types, newest first."""
    wanted = set(request.args.get("reportTypes", "").split(",")) | set(request.args.getlist("reportTypes"))
    tasks = [task for task in list(simulator().tasks.values()) if task.seller == seller]
    reports = [_report(task) for task in reversed(tasks) if task.asked.get("reportType") in wanted]
    size = min(request.args.get("pageSize", 10, int), simulator().options.page_size)
    found, following = page(reports, request.args.get("nextToken"), size)
    answer: dict[str, Any] = {"reports": found}
    return answer | ({"nextToken": following} if following else {})


@bp.get("/reports/2021-06-30/reports/<report_id>")
@operation("getReport", rate=2, burst=15)
def get_report(seller: Seller, report_id: str) -> Answer:
    """How far it is; when it is done, its document."""
    return _report(_task(seller, report_id))


@bp.get("/reports/2021-06-30/documents/<document_id>")
@operation("getReportDocument", rate=0.0167, burst=15)
def get_report_document(seller: Seller, document_id: str) -> Answer:
    """Where the document can be downloaded, and whether it is packed."""
    task = _task(seller, document_id.removeprefix("document-"))
    answer: dict[str, Any] = {
        "reportDocumentId": document_id,
        "url": f"{request.host_url}documents/{task.id}",
    }
    return answer | ({"compressionAlgorithm": "GZIP"} if task.content.startswith(b"\x1f\x8b") else {})


def _content(asked: dict[str, Any], books: list[Book]) -> tuple[bytes, str]:
    """The document and its content type."""
    now = simulator().clock()
    match asked.get("reportType"):
        case "GET_V1_SELLER_PERFORMANCE_REPORT":
            return performance_v1(books, now), "text/xml;charset=Cp1252"
        case "GET_V2_SELLER_PERFORMANCE_REPORT":
            return gzip.compress(performance_v2(books, now)), "application/json"
        case "GET_SALES_AND_TRAFFIC_REPORT":
            first, last = (_given(asked, name, now) for name in ("dataStartTime", "dataEndTime"))
            options = asked.get("reportOptions") or {}
            document = sales_and_traffic(books[0], first.date(), last.date(), options)
            return gzip.compress(document), "application/json"
        case unknown:
            raise invalid(f"report type {unknown!r} is not simulated")


def _given(asked: dict[str, Any], name: str, default: datetime) -> datetime:
    return moment(str(asked[name])) if asked.get(name) else default


def _report(task: Task) -> dict[str, Any]:
    stage = simulator().stage(task)
    answer: dict[str, Any] = {
        "reportId": task.id,
        "reportType": task.asked["reportType"],
        "marketplaceIds": task.asked["marketplaceIds"],
        "createdTime": instant(task.created_at),
        "processingStatus": _STAGES[stage],
    }
    if stage == 2:
        answer |= {"processingEndTime": instant(simulator().clock()), "reportDocumentId": f"document-{task.id}"}
    return answer


def _task(seller: Seller, identity: str) -> Task:
    task = simulator().task_of(seller, identity)
    if task is None or "reportType" not in task.asked:
        raise Refused(404, "NotFound", f"no report {identity!r}")
    return task
