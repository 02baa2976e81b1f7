"""Amazon's own models and examples, where the machine has them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

Load = Callable[[str], Any]


@pytest.fixture
def amazon_example() -> Load:
    """Read a file of the folder AMAZON_MODELS, its numbers exact."""
    folder = os.environ.get("AMAZON_MODELS")
    if not folder:
        pytest.skip("AMAZON_MODELS does not say where Amazon's models are")
    root = Path(folder)
    return lambda name: exact((root / name).read_text())


def exact(text: str) -> Any:
    """JSON without binary floats, as the client reads it."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
