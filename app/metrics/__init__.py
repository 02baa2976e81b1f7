"""Prometheus: every figure read from SQL and Redis as it stands, whichever process is asked (docs/decisions/0012)."""
