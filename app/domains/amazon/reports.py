"""Reports (2021-06-30): created, polled, and their documents fetched, over as many calls as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domains.amazon import documents
from app.domains.amazon.client import Amazon
from app.domains.amazon.http import take
from app.domains.amazon.operations import CREATE_REPORT, GET_REPORT, GET_REPORT_DOCUMENT, LIST_REPORTS
from app.domains.amazon.pagination import Page, report_pages
from app.domains.amazon.polling import forgetting_lost_reports, report_failed, wait_for_report
from app.domains.amazon.staging import State
from app.domains.amazon.windows import Window, stamp

NO_DATA = ""


def fetch_report(
    amazon: Amazon, report_type: str, window: Window, state: State, options: Mapping[str, str] | None = None
) -> str:
    """The text of the seller's report over a window; ``NO_DATA`` when Amazon cancelled it for having none.

    Raises ReportPending until it is made. ``state`` keeps the ids: a document that comes damaged is fetched again from
    the same report.
    """
    if "document_id" not in state:

        def create() -> str:
            return create_report(amazon, report_type, window, options)

        def poll(report_id: str) -> dict[str, str] | None:
            report = amazon.call(GET_REPORT, path={"reportId": report_id})
            status = take(GET_REPORT.name, report, "processingStatus")
            if status == "FATAL":
                raise report_failed(state, GET_REPORT, status)
            if status == "DONE":
                return {"id": take(GET_REPORT.name, report, "reportDocumentId")}
            return {} if status == "CANCELLED" else None

        state["document_id"] = wait_for_report(amazon, state, GET_REPORT, create, poll).get("id")
    document_id = state["document_id"]
    if document_id is None:
        return NO_DATA
    with forgetting_lost_reports(state):
        return fetch_document(amazon, document_id)


def create_report(amazon: Amazon, report_type: str, window: Window, options: Mapping[str, str] | None = None) -> str:
    """The id of a new report."""
    body: dict[str, object] = {
        "reportType": report_type,
        "dataStartTime": stamp(window.start),
        "dataEndTime": stamp(window.end),
        "marketplaceIds": [amazon.seller.marketplace_id],
    }
    if options:
        body["reportOptions"] = dict(options)
    return str(take(CREATE_REPORT.name, amazon.call(CREATE_REPORT, body=body), "reportId"))


def fetch_document(amazon: Amazon, document_id: str) -> str:
    """The text of a report document. Its URL lasts five minutes, so it is asked for each time and never kept."""
    document = amazon.call(GET_REPORT_DOCUMENT, path={"reportDocumentId": document_id})
    return documents.download("downloadReport", take(GET_REPORT_DOCUMENT.name, document, "url"))


def list_reports(amazon: Amazon, report_types: list[str], token: str | None = None) -> Iterator[Page]:
    """The seller's reports of these types, newest first, in pages."""
    query = {"reportTypes": report_types}
    return report_pages(lambda query: amazon.call(LIST_REPORTS, query=query), query, token)
