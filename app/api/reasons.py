"""Why an operator does something: it stands in the audit trail."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.api.input import Body, Query

#: A query string may hold a NUL, which PostgreSQL refuses; a body's are refused before.
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class Act(Body):
    """What is asked for may have a reason."""

    reason: Reason | None = None


class Removal(Query):
    """What goes for good must have one."""

    reason: Reason
