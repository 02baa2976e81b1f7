"""What Dramatiq's tests import beside their fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dramatiq import Worker

RABBITMQ_CREDENTIALS = None

skip_in_ci = pytest.mark.skipif(condition=False, reason="")
skip_on_windows = pytest.mark.skipif(condition=False, reason="")
skip_on_pypy = pytest.mark.skipif(condition=False, reason="")


@contextmanager
def worker(*args: Any, **kwargs: Any) -> Iterator[Worker]:
    """A running worker."""
    running = Worker(*args, **kwargs)
    running.start()
    try:
        yield running
    finally:
        running.stop()
