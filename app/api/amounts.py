"""Whole numbers whose unit stands in the error: one document counts in seconds, another in milliseconds (C19)."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def whole(unit: str, most: int) -> BeforeValidator:
    """0 to ``most`` of that unit, for a field of type int."""

    def check(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= most:
            raise PydanticCustomError("whole_number", f"must be a whole number of {unit}, 0 to {most}")
        return value

    return BeforeValidator(check)
