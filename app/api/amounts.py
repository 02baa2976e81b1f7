"""Whole numbers whose unit stands in the error: one document counts in seconds, another in milliseconds (C19)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def whole(unit: str, most: int) -> _Whole:
    """0 to ``most`` of that unit, for a field of type int."""
    return _Whole(unit, most)


@dataclass(frozen=True)
class _Whole:
    unit: str
    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Checked before pydantic's own int, whose message has no unit."""
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """With its bounds."""
        return {**handler(schema), "minimum": 0, "maximum": self.most}

    def _check(self, value: Any) -> int:
        if type(value) is not int or not 0 <= value <= self.most:
            raise PydanticCustomError("whole_number", f"must be a whole number of {self.unit}, 0 to {self.most}")
        return value
