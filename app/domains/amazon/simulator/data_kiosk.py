"""Data Kiosk 2023-11-15: a GraphQL query becomes a document of JSON Lines, a page a query."""

from __future__ import annotations

import gzip
import json
import re
from datetime import date
from typing import Any

from flask import Blueprint, request

from app.domains.amazon.simulator.asked import body, books_of, instant, page
from app.domains.amazon.simulator.economics import economics_rows
from app.domains.amazon.simulator.gate import Answer, Refused, invalid, operation
from app.domains.amazon.simulator.state import Seller, Task, simulator

bp = Blueprint("data_kiosk", __name__)


@bp.post("/dataKiosk/2023-11-15/queries")
@operation("createQuery", rate=0.0167, burst=15)
def create_query(seller: Seller) -> Answer:
    """Only the economics dataset is simulated, with every field of a row, whichever were selected."""
    asked = body()
    query = str(asked.get("query", ""))
    if "economics" not in query:
        raise invalid("the query does not select analytics_economics_2024_03_15 { economics }")
    first, last = _argument(query, "startDate"), _argument(query, "endDate")
    granularity = re.search(r"\bdate\s*:\s*(DAY|WEEK|MONTH|RANGE)\b", query)
    named = re.search(r"marketplaceIds\s*:\s*\[([^\]]*)\]", query)
    books = books_of(seller, re.findall(r'"([^"]+)"', named[1]) if named else [])
    rows = [
        row for book in books for row in economics_rows(book, first, last, granularity[1] if granularity else "DAY")
    ]
    found, following = page(rows, asked.get("paginationToken"), simulator().options.page_size * 20)
    document = "".join(json.dumps(row) + "\n" for row in found).encode()
    task = simulator().begin(seller, {"query": query}, gzip.compress(document), "application/jsonl", following)
    return {"queryId": task.id}, 202


@bp.get("/dataKiosk/2023-11-15/queries/<query_id>")
@operation("getQuery", rate=2.0, burst=15)
def get_query(seller: Seller, query_id: str) -> Answer:
    """How far it is; when it is done, its document and the token of the next page."""
    task = _task(seller, query_id)
    answer: dict[str, Any] = {
        "queryId": task.id,
        "query": task.asked["query"],
        "createdTime": instant(task.created_at),
        "processingStatus": ("IN_QUEUE", "IN_PROGRESS", "DONE")[simulator().stage(task)],
    }
    if answer["processingStatus"] == "DONE":
        answer["processingEndTime"] = instant(simulator().clock())
        answer["dataDocumentId"] = f"document-{task.id}"
        if task.next_token:
            answer["pagination"] = {"nextToken": task.next_token}
    return answer


@bp.get("/dataKiosk/2023-11-15/documents/<document_id>")
@operation("getDocument", rate=0.0167, burst=15)
def get_document(seller: Seller, document_id: str) -> Answer:
    """Where the document can be downloaded."""
    task = _task(seller, document_id.removeprefix("document-"))
    return {"documentId": document_id, "documentUrl": f"{request.host_url}documents/{task.id}"}


def _task(seller: Seller, identity: str) -> Task:
    task = simulator().task_of(seller, identity)
    if task is None or "query" not in task.asked:
        raise Refused(404, "NotFound", f"no query {identity!r}")
    return task


def _argument(query: str, name: str) -> date:
    found = re.search(rf'{name}\s*:\s*"(\d{{4}}-\d\d-\d\d)"', query)
    if found is None:
        raise invalid(f"{name} is required, as a date")
    return date.fromisoformat(found[1])
