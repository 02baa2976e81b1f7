"""Update opportunity scores: who travels soon is worth more (S4-4)."""

from __future__ import annotations

import logging

from app import db
from app.crontab.running import current_run
from app.domains.leads.scores import raise_scores

name = "updateOpportunityScores"
title = "Increase Score for Nearing Travel Date"
schedule = "0 2 * * *"
timeout_s = 600
attempts = 3  # retryCount 2
reads = "opportunities: open, travelling within 30 days, not raised for this slot yet"
writes = "opportunities.opportunity_score and .scored_slot, at most once a slot"
proof = "tests/domains/leads/test_scores.py::test_scores_rise_by_the_days_until_the_journey"


def run(log: logging.Logger) -> dict[str, int]:
    """Raise them, once for this slot."""
    with db.session() as session:
        raised = raise_scores(session, current_run().slot)
    log.info("updated opportunity scores for %d records", raised)
    return {"raised": raised}
