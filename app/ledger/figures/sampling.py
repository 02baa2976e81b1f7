"""Queues at this moment become figures: the most that was seen in each stretch of time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.broker.backlog import Backlog
from app.ledger import cursors
from app.ledger.figures.keeping import HOUR_S, MINUTE_S, QUARTER_S, start_of
from app.models.queue_figure import QueueFigure

SOURCE = "queue figures"


def sample(session: Session, now: datetime, found: Mapping[str, Backlog]) -> bool:
    """Keep what was found, by queue; False if another has done so at this moment."""
    seen = cursors.position(session, SOURCE)
    if not cursors.move(session, SOURCE, seen, now.isoformat(), now):
        return False
    for width_s in (MINUTE_S, QUARTER_S, HOUR_S):
        for queue, one in found.items():
            key = (width_s, start_of(now, width_s), queue)
            figure = session.get(QueueFigure, key)
            if figure is None:
                session.add(QueueFigure(width_s=width_s, at=key[1], queue=queue, waiting=0, oldest_ms=0))
                session.flush()
                figure = session.get_one(QueueFigure, key)
            figure.waiting = max(figure.waiting, one.waiting)
            figure.oldest_ms = max(figure.oldest_ms, one.oldest_ms)
    return True
