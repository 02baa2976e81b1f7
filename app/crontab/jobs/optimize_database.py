"""Optimize the database: space given back, statistics renewed (S4-8)."""

from __future__ import annotations

import logging
from typing import Any

from app import db
from app.domains.maintenance.optimize import optimize_database

name = "optimizeDatabase"
schedule = "0 3 * * 0"
timeout_s = 3_600
reads = "every table"
writes = "the database's own statistics and files: VACUUM and ANALYZE"
proof = "tests/domains/maintenance/test_optimize.py::test_space_is_given_back_and_the_planner_knows_the_rows"


def run(log: logging.Logger) -> dict[str, Any]:
    """As this database has it."""
    done = optimize_database(db.engine())
    log.info("database optimized: %s", done)
    return done
