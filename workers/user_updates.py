"""The main job, as an actor."""

from __future__ import annotations

from app.domains.refresh.outcome import RefreshResult
from app.domains.refresh.parts import Asked
from app.domains.refresh.user import refresh_user
from app.jobs.actor import actor
from app.jobs.catalog import PROCESS_USER_DATA


@actor(PROCESS_USER_DATA)
def process_user_data(
    *, user_id: str, cadence: Asked = "daily", country: str | None = None, region: str | None = None
) -> RefreshResult:
    """Refresh one user's seller accounts, or those of one country or region."""
    return refresh_user(user_id, cadence, country=country, region=region)
