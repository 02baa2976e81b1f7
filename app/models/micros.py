"""Amounts of money that SQL adds up without losing any of it."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import BigInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_PER_UNIT = 1_000_000


class Micros(TypeDecorator[Decimal]):
    """A Decimal kept as a whole number of millionths: SQLite has no exact number, and a sum must be exact.

    What has more than six decimal places is refused with ValueError.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Its millionths."""
        if value is None:
            return None
        micros = value * _PER_UNIT
        if micros != int(micros):
            raise ValueError(f"amount {value} has more than six decimal places")
        return int(micros)

    def process_result_value(self, value: int | Decimal | None, dialect: Dialect) -> Decimal | None:
        """The amount; PostgreSQL gives a sum as a decimal number of millionths."""
        return None if value is None else Decimal(value) / _PER_UNIT
