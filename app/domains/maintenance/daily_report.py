"""What the day has brought, for the admins (S4-14, C38)."""

from __future__ import annotations

from datetime import datetime, timedelta

from app import db, mail
from app.crontab.overdue import overdue
from app.domains.accounts.admins import admins
from app.domains.maintenance.metrics import Span, totals

DAY = timedelta(days=1)


def send_daily_report(slot: datetime, now: datetime) -> dict[str, int]:
    """Mail the totals of the 24 h up to the slot to every admin, once."""
    with db.reading() as session:
        found = totals(session, Span(slot - DAY, slot))
        late = [f"  {one.entry_id}, slot {one.slot:%Y-%m-%d %H:%M:%S}: {one.why}" for one in overdue(session, now)]
        to = list(session.scalars(admins()))
    lines = [
        f"24 hours up to {slot:%Y-%m-%d %H:%M} UTC",
        "",
        f"Users refreshed: {found['users']}",
        *(f"Jobs {end}: {found[end]}" for end in ("completed", "partial", "failed", "cancelled")),
        f"Scheduled runs failed: {found['failed_runs']}",
        "",
        *(["Scheduled runs overdue now:", *late] if late else ["No scheduled run is overdue."]),
    ]
    sent = mail.send_once(f"dailyReport {slot.isoformat()}", to, f"Toril, {slot:%Y-%m-%d}", "\n".join(lines) + "\n")
    return {**found, "sent": sent}
