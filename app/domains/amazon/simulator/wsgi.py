"""The simulator for gunicorn: one process, several threads."""

from __future__ import annotations

from app.domains.amazon.simulator.app import create_app
from app.domains.amazon.simulator.state import Options
from app.settings import settings

application = create_app(
    options=Options(budget_scale=settings().simulator_budget_scale, report_s=settings().simulator_report_s)
)
