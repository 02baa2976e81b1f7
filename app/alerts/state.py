"""Alerts come, last and go: pending until they have held, firing until their reason has been gone for a while."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from app.alerts.rule import Finding, Rule, clears_after
from app.models.alert import Alert, AlertState

#: Resolved ones are shown for so long.
REMEMBERED = timedelta(days=30)


class ShownAlert(TypedDict):
    """``since`` the first look that found it so; ``text`` says it in a sentence, with what would do."""

    rule: str
    subject: str
    state: str
    text: str
    value: float
    threshold: float
    since: datetime
    firedAt: datetime | None
    resolvedAt: datetime | None


def firing(session: Session) -> list[Alert]:
    """What fires now, the newest first. A few rows at any number of jobs: for the API and the overview."""
    return list(session.scalars(select(Alert).where(Alert.state == AlertState.FIRING).order_by(Alert.fired_at.desc())))


def recent(limit: int) -> Select[Alert]:
    """What fires and what has been resolved, the latest change first."""
    told = select(Alert).where(Alert.fired_at.is_not(None), Alert.state != AlertState.PENDING)
    return told.order_by(Alert.resolved_at.desc().nulls_first(), Alert.fired_at.desc()).limit(limit)


def apply(session: Session, rule: Rule, findings: Iterable[Finding], now: datetime) -> list[Alert]:
    """What a look by that rule changes; returns the alerts that fire now or are resolved now."""
    found = {finding.subject: finding for finding in findings}
    known = {alert.subject: alert for alert in session.scalars(select(Alert).where(Alert.rule == rule.name))}
    changed = [_cleared(alert, now) for subject, alert in known.items() if subject not in found]
    for subject, finding in found.items():
        alert = known.get(subject) or _new(session, rule, finding, now)
        changed.append(_found(alert, finding, rule, now))
    session.flush()
    session.execute(delete(Alert).where(Alert.rule == rule.name, Alert.resolved_at < now - REMEMBERED))
    return [alert for alert in changed if alert is not None]


def as_dict(alert: Alert) -> ShownAlert:
    """The alert as the API shows it."""
    return {
        "rule": alert.rule,
        "subject": alert.subject,
        "state": alert.state,
        "text": alert.text,
        "value": alert.value,
        "threshold": alert.threshold,
        "since": alert.since,
        "firedAt": alert.fired_at,
        "resolvedAt": alert.resolved_at,
    }


def _new(session: Session, rule: Rule, finding: Finding, now: datetime) -> Alert:
    alert = Alert(rule=rule.name, subject=finding.subject, state=AlertState.PENDING, since=now)
    session.add(alert)
    return alert


def _found(alert: Alert, finding: Finding, rule: Rule, now: datetime) -> Alert | None:
    if alert.state == AlertState.RESOLVED:
        alert.state, alert.since = AlertState.PENDING, now
        alert.fired_at = alert.resolved_at = None
    alert.text, alert.value, alert.threshold = finding.text, finding.value, finding.threshold
    alert.clear_since = None
    if alert.state == AlertState.PENDING and now - alert.since >= rule.holds():
        alert.state, alert.fired_at = AlertState.FIRING, now
        return alert
    return None


def _cleared(alert: Alert, now: datetime) -> Alert | None:
    """One that was only pending never was one."""
    if alert.state == AlertState.PENDING:
        alert.state, alert.resolved_at = AlertState.RESOLVED, now
    elif alert.state == AlertState.FIRING:
        alert.clear_since = alert.clear_since or now
        if now - alert.clear_since >= clears_after():
            alert.state, alert.resolved_at, alert.clear_since = AlertState.RESOLVED, now, None
            return alert
    return None
