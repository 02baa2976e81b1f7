"""Figures that are kept for later: one snapshot a kind and slot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from app.models.snapshot import Snapshot


def keep(session: Session, kind: str, slot: datetime, figures: Mapping[str, Any], now: datetime) -> None:
    """Write it, in the place of what an earlier attempt at this slot has left."""
    session.execute(delete(Snapshot).where(Snapshot.kind == kind, Snapshot.slot == slot))
    session.add(Snapshot(kind=kind, slot=slot, taken_at=now, figures=dict(figures)))
    session.flush()


def snapshots(kind: str, limit: int = 100) -> Select[Snapshot]:
    """The newest of a kind: ``healthCheck``, ``metricsCollection`` … as the entries are named."""
    return select(Snapshot).where(Snapshot.kind == kind).order_by(Snapshot.slot.desc()).limit(limit)
