"""The sections of an analysis, each as old as its own data: what could not be made anew stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Result = Mapping[str, Any]


def has_news(result: Result) -> bool:
    """Whether any section was made at all."""
    return any(isinstance(section, Mapping) for section in result.values())


def completed(result: Result, kept: Result, as_of: datetime) -> dict[str, Any]:
    """The result with each new section's ``as_of`` in it (ISO 8601), and the missing ones as they are in ``kept``."""
    return {name: _dated(section, as_of) if section is not None else kept.get(name) for name, section in result.items()}


def _dated(section: Any, as_of: datetime) -> Any:
    """The account and its marketplace, beside the sections, have no age."""
    return {**section, "as_of": as_of.isoformat()} if isinstance(section, Mapping) else section
