"""What ``toril run`` says of the refreshes it has asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app import db
from app.domains.accounts.users import register
from app.models.job_status import JobStatus, Status
from app.models.user import Role
from app.run.results import outcomes, waiting

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def refresh(session: Session, number: int, status: Status, due_at: datetime | None) -> str:
    """One user's refresh, as the ledger has it; returns its job's id."""
    user = register(session, f"seller-{number}@example.com", "no password", Role.USER)
    row = JobStatus(
        queue="user-updates",
        job_id=f"daily-{number}",
        added_ms=number,
        name="process_user_data",
        user_id=user.id,
        opts={},
        attempts=4,
        status=status,
        queued_at=NOON,
        due_at=due_at,
    )
    session.add(row)
    return row.job_id


@pytest.mark.usefixtures("database")
def test_who_waits_for_a_moment_is_counted_with_the_first_of_the_moments() -> None:
    """A budget of Amazon's can be minutes away: a bar that stands still says why. What is over waits no more."""
    with db.session() as session:
        asked = [
            refresh(session, 1, Status.DELAYED, NOON + timedelta(minutes=9)),
            refresh(session, 2, Status.DELAYED, NOON + timedelta(minutes=7)),
            refresh(session, 3, Status.COMPLETED, NOON + timedelta(minutes=1)),
            refresh(session, 4, Status.ACTIVE, None),
        ]

    assert waiting(outcomes(asked)) == "2 waiting, the first until 12:07:00 UTC"
    assert waiting(outcomes(asked[2:])) == ""
