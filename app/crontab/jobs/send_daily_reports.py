"""Send daily reports: the sales figures, by mail (S4-8)."""

from __future__ import annotations

import logging

from app import db, mail
from app.crontab.running import current_run
from app.domains.leads.report import as_text, figures, recipients, reported_since
from app.settings import settings

name = "sendDailyReports"
schedule = "0 8 * * 1-5"
enabled = bool(settings().smtp_host)
timeout_s = 300
attempts = 4
reads = "opportunities, follow_ups, web_urls; REPORT_RECIPIENTS, or users who are admins"
writes = "one mail a recipient, and sent_mails"
proof = "tests/domains/leads/test_report.py::test_the_report_is_mailed_with_the_figures_of_the_rows"


def run(log: logging.Logger) -> dict[str, int]:
    """As of the slot; whoever has had it in an earlier attempt does not get it again."""
    at = current_run().slot
    with db.reading() as session:
        found, to = figures(session, at, reported_since(at)), recipients(session)
    sent = mail.send_once(f"{name} {at.isoformat()}", to, f"Opportunities, {at:%Y-%m-%d}", as_text(found))
    log.info("%d of %d reports sent now", sent, len(to))
    return {"sent": sent, "recipients": len(to)}
