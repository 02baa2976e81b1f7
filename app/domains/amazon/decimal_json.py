"""JSON whose numbers are Decimal: an amount never passes through a binary float, in either direction."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def decode(text: str | bytes) -> Any:
    """The value; every number in it is a Decimal. ValueError for what is not JSON, and for NaN and Infinity."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)


def encode(value: Any) -> bytes:
    """UTF-8; Decimals become numbers with all their digits."""
    return _encoder.encode(value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
