"""What the producer's own program adds to its parts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from redis import Redis

from tests.web import ROOT


@pytest.mark.parametrize(("amazon", "are_empty"), [("https://sellingpartnerapi-na.amazon.com", True), ("", False)])
def test_budgets_start_empty_after_a_loss_unless_amazon_is_the_simulator(
    redis: Redis, redis_url: str, amazon: str, are_empty: bool
) -> None:
    """A second ``make run`` would wait for minutes: the simulator starts with Redis, and has forgotten everything."""
    environment = os.environ | {"CACHE_REDIS_URL": redis_url, "AMAZON_SP_API_URL": amazon}
    code = "import producer.main as main; main.start_budgets_empty()"

    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)

    assert bool(redis.exists("amazon:budget:lost")) is are_empty
