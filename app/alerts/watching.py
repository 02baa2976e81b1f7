"""Every rule looks in its turn, and what that changes is one transaction with telling it."""

from __future__ import annotations

import logging
from datetime import datetime

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import db
from app.alerts.announcing import announce_alerts
from app.alerts.rule import Rule
from app.alerts.rules import RULES
from app.alerts.state import apply
from app.ledger import cursors

log = logging.getLogger(__name__)


def evaluate(now: datetime) -> None:
    """Look by every rule whose turn it is; one that cannot look now keeps no other from it."""
    for rule in RULES:
        try:
            look(rule, now)
        except (SQLAlchemyError, RedisError) as error:
            log.warning("alerts: the rule %r cannot look now: %s", rule.name, str(error).splitlines()[0])


def look(rule: Rule, now: datetime) -> None:
    """Once in its time, however many producers there are."""
    with db.session() as session:
        source = f"alert {rule.name}"
        seen = cursors.position(session, source)
        is_early = seen is not None and now - datetime.fromisoformat(seen) < rule.every
        if is_early or not cursors.move(session, source, seen, now.isoformat(), now):
            return
        changed = apply(session, rule, rule.look(session, now), now)
        for alert in changed:
            log.warning("alert %s: %s (%s): %s", alert.state, alert.rule, alert.subject, alert.text)
        if changed:
            announce_alerts(session, changed, now)
