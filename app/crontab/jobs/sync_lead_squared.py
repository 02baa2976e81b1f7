"""Sync LeadSquared: what has changed in the CRM since the last page (S4-8)."""

from __future__ import annotations

import logging

from app.clock import utc_now
from app.domains.leads.crm import sync_opportunities
from app.settings import settings

name = "syncLeadSquared"
schedule = "*/15 * * * *"
enabled = bool(settings().leadsquared_url)
timeout_s = 300
attempts = 3
reads = "opportunities at LEADSQUARED_URL that changed since the cursor; sync_cursors, opportunities"
writes = "opportunities, and sync_cursors with each page"
proof = "tests/domains/leads/test_crm.py::test_a_sync_takes_what_has_changed_since_the_last"


def run(log: logging.Logger) -> dict[str, int]:
    """Read the changes, write them."""
    done = sync_opportunities(settings().leadsquared_url, settings().leadsquared_token, utc_now())
    log.info("opportunities synchronized: %s", done)
    return done
