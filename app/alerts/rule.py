"""A rule: what to look for, how often, and for how long it must be so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.settings import settings


@dataclass(frozen=True, slots=True)
class Finding:
    """A subject that is beyond the threshold. The text is one sentence, with the figures and what would do."""

    subject: str
    value: float
    threshold: float
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """``holds`` is how long it must be found at every look before the alert fires."""

    name: str
    look: Callable[[Session, datetime], Iterable[Finding]]
    holds: Callable[[], timedelta]
    every: timedelta = timedelta(seconds=10)


def at_once() -> timedelta:
    """For rules that look back over a window of their own."""
    return timedelta(0)


def clears_after() -> timedelta:
    """How long nothing may be found before an alert is resolved, so that what comes and goes is one alert."""
    return timedelta(seconds=settings().alert_clear_s)
