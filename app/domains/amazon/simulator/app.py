"""The simulator as one Flask application: tokens, the two APIs, documents, faults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask

from app.clock import utc_now
from app.domains.amazon.simulator import (
    ads,
    control,
    data_kiosk,
    documents,
    fees,
    finances,
    inventory,
    lwa,
    orders,
    reports,
    sales,
    sellers,
)
from app.domains.amazon.simulator.budgets import Budgets
from app.domains.amazon.simulator.gate import Refused, refused
from app.domains.amazon.simulator.state import Books, Options, Simulator

_SP_API = (orders, finances, sales, inventory, reports, data_kiosk, sellers, fees)


def create_app(
    books: Books | None = None, clock: Callable[[], datetime] = utc_now, options: Options | None = None
) -> Flask:
    """A simulated Amazon: ``/auth/o2/token``, ``/sp``, ``/ads``, ``/documents/<id>`` and ``/faults``.

    Any refresh token ``demo-<seller>-<country>`` is accepted: its book is the given one of (seller,
    country), the frozen one (seller ``FROZEN``), or generated from the seller's id. State is in memory:
    run one process, with threads.
    """
    app = Flask("amazon-simulator")
    chosen = options or Options()
    app.extensions["simulator"] = Simulator(clock, chosen, books or {}, Budgets(chosen.budget_scale))
    for module in _SP_API:
        app.register_blueprint(module.bp, url_prefix="/sp")
    app.register_blueprint(ads.bp, url_prefix="/ads")
    for outside in (lwa, documents, control):
        app.register_blueprint(outside.bp)
    app.register_error_handler(Refused, refused)
    return app
