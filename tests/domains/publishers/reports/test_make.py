"""Reports whose figures were worked out by hand, read back from the page, the PDF and the mail."""

from __future__ import annotations

import io
from datetime import date
from typing import Any
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from app import db
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.reports.ask import ask
from app.domains.publishers.reports.figures import gather
from app.domains.publishers.reports.make import report_file
from app.domains.publishers.reports.pages import as_html, as_pdf
from app.jobs.payloads import ReportRequest
from app.models.job_status import Status
from app.models.report import Report
from tests import smtp
from tests.domains.publishers.conftest import NINE
from tests.ledger.rows import only_row
from tests.servers import wait_for
from tests.smtp import Mailbox

mailbox = smtp.mailbox

#: The week from 5 January: of 1,600 asked for 1,200 were shown, half as much again as the 800 before.
LINES = {
    "Ad requests": "1,600",
    "Impressions": "1,200 (+50.0 %)",
    "Clicks": "30 (+200.0 %)",
    "Revenue": "3.60 USD (-25.0 %)",
    "Fill rate": "75.00 %",
    "CTR": "2.50 %",
    "eCPM": "3.00 USD",
}
TITLE = "Gazette & <Sons>: weekly report, 2026-01-05 to 2026-01-11"


def ask_for(publisher_id: str = "gazette", **fields: Any) -> str:
    """The weekly report of 7 January; returns its id once its job has ended."""
    said = {"publisher_id": publisher_id, "report_type": "weekly", "date": date(2026, 1, 7), **fields}
    with db.session() as session:
        report = ask(session, find_publisher(session, publisher_id), ReportRequest(**said), by="ada", now=NINE)
    wait_for(lambda: only_row().ended_at, "the report to end", 30)
    return report.id


def the_report() -> Report:
    """The only one."""
    with db.reading() as session:
        return session.scalars(select(Report)).one()


def test_the_mail_brings_the_figures_and_the_pdf_to_each_member(
    gazette: str, mailbox: Mailbox, reporting: None
) -> None:
    """Over SMTP, each to one of them alone; the report is completed with its job."""
    key = ask_for()

    assert sorted(mail["To"] for mail in mailbox.mails) == ["ada@example.com", "bob@example.com"]
    body, attachment = mailbox.mails[0].get_body(), next(mailbox.mails[0].iter_attachments())
    assert body is not None
    text = body.get_content().replace("\r\n", "\n")
    assert (mailbox.mails[0]["Subject"], text.splitlines()[0]) == (TITLE, TITLE)
    assert [line for line in text.splitlines() if ": " in line][1:8] == [
        f"{name}: {said}" for name, said in LINES.items()
    ]
    assert attachment.get_filename() == "gazette-weekly-2026-01-07.pdf"
    assert attachment.get_content() == report_file(key, "pdf").read_bytes()
    assert (the_report().state, the_report().mailed) == ("completed", 2)
    assert only_row().return_value == {"reportId": key, "mailed": 2, "recipients": 2}


def test_page_and_pdf_say_the_same(gazette: str) -> None:
    """The publisher's name is text, whatever is in it; the charts have a bar a day."""
    with db.reading() as session:
        report = gather(session, find_publisher(session, gazette), "weekly", date(2026, 1, 7))

    html, pdf = as_html(report).decode(), PdfReader(io.BytesIO(as_pdf(report)))
    text = "\n".join(page.extract_text() for page in pdf.pages)

    assert "Gazette &amp; &lt;Sons&gt;: weekly report" in html
    assert "<script" not in html
    for name, said in LINES.items():
        assert f'<tr><th scope="row">{name}</th><td>{said}</td></tr>' in html
        assert name in text
        assert said in text
    assert pdf.metadata is not None
    assert pdf.metadata.title == TITLE
    assert as_pdf(report) == as_pdf(report)
    drawings = [
        ElementTree.fromstring(part + "</svg>")
        for part in html.replace("<svg", "\0<svg").split("\0")[1:]
        for part in [part.split("</svg>")[0]]
    ]
    assert len(drawings) == 2
    assert [step.sums.impressions for step in report.course] == [800, 0, 0, 0, 0, 0, 400]
    assert [step.label for step in report.course] == ["05", "06", "07", "08", "09", "10", "11"]


def test_a_day_is_shown_by_its_hours_and_an_empty_one_divides_nothing(gazette: str) -> None:
    """24 of them."""
    with db.reading() as session:
        publisher = find_publisher(session, gazette)
        monday = gather(session, publisher, "daily", date(2026, 1, 5))
        tuesday = gather(session, publisher, "daily", date(2026, 1, 6))

    assert [(step.label, step.sums.impressions) for step in monday.course if step.sums.impressions] == [("09", 800)]
    assert len(monday.course) == 24
    assert monday.title == "Gazette & <Sons>: daily report, 2026-01-05"
    assert "<td>–</td>" in as_html(tuesday).decode()
    assert as_pdf(tuesday).startswith(b"%PDF")


def test_who_has_had_a_mail_gets_no_second_and_who_was_refused_is_tried_again(
    gazette: str, mailbox: Mailbox, reporting: None
) -> None:
    """The job fails at first, and is completed by its second attempt."""
    mailbox.refused.add("bob@example.com")
    with db.session() as session:
        said = ReportRequest(publisher_id=gazette, report_type="weekly", date=date(2026, 1, 7))
        ask(session, find_publisher(session, gazette), said, by="ada", now=NINE)
    wait_for(lambda: only_row().attempts_made == 1, "the first attempt")
    wait_for(lambda: the_report().state == "pending", "the report to wait")
    first = [mail["To"] for mail in mailbox.mails]
    mailbox.refused.clear()
    wait_for(lambda: only_row().ended_at, "the second attempt", 30)

    assert first == ["ada@example.com"]
    assert [mail["To"] for mail in mailbox.mails] == ["ada@example.com", "bob@example.com"]
    assert (only_row().status, only_row().attempts_made) == (Status.COMPLETED, 2)
    assert the_report().mailed == 2


def test_recipients_can_be_named(gazette: str, mailbox: Mailbox, reporting: None) -> None:
    """Then the members get none."""
    ask_for(recipients=["board@example.com", "board@example.com"])

    assert [mail["To"] for mail in mailbox.mails] == ["board@example.com"]


def test_without_a_mail_server_there_is_the_report(gazette: str, reporting: None) -> None:
    """And it says that nobody has got it."""
    key = ask_for()

    assert (the_report().state, the_report().mailed) == ("completed", 0)
    assert report_file(key, "html").read_bytes().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\nBcc: x@y.z"]
)
def test_what_is_no_address_is_refused_before_there_is_a_job(address: str) -> None:
    """By its place in the list."""
    with pytest.raises(ValueError, match=r"recipients\.0"):
        ReportRequest(publisher_id="gazette", report_type="daily", date=date(2026, 1, 7), recipients=[address])
