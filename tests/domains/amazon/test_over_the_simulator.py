"""Client and simulator together: written apart from one model of Amazon, they must agree on all of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from redis import Redis
from werkzeug.serving import WSGIRequestHandler, make_server

from app.domains.amazon.budget import Budget
from app.domains.amazon.client import Amazon
from app.domains.amazon.datasets import DAILY, WEEKLY, fetch
from app.domains.amazon.endpoints import Endpoints
from app.domains.amazon.errors import AccountRevoked, AmazonError, Wait
from app.domains.amazon.simulator import Options, create_app
from app.domains.amazon.windows import Window
from tests.domains.amazon.conftest import APPLICATION, SELLER, Clock, FernetCipher


class Quiet(WSGIRequestHandler):
    """Keeps the access log out of the test's output."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


class Simulated:
    """A simulator on loopback whose time is the test's."""

    def __init__(self, url: str, redis: Redis, clock: Clock) -> None:
        self.url = url
        self._redis = redis
        self._clock = clock
        self._cipher = FernetCipher()

    def line(self, seller: str, holder: str = "", country: str = "US", region: str = "na") -> Amazon:
        """A client for one of its sellers."""
        return Amazon(
            replace(
                SELLER,
                account_id=f"{seller}-{country}",
                seller_id=seller,
                country=country,
                region=region,
                refresh_token=f"demo-{seller}-{country}",
            ),
            redis=self._redis,
            cipher=self._cipher,
            endpoints=Endpoints(f"{self.url}/auth/o2/token", f"{self.url}/sp", f"{self.url}/ads"),
            application=APPLICATION,
            holder=holder,
            budget=Budget(self._redis, self._clock.ms),
            now=self._clock,
        )

    def break_next(self, fault: str, operation: str = "*") -> None:
        """Let the next call of that operation end so."""
        answer = requests.post(f"{self.url}/faults", json={"fault": fault, "operation": operation}, timeout=5)
        assert answer.status_code == 201, answer.text

    def calls(self, seller: str) -> dict[str, int]:
        """How often each of its operations was called."""
        told = requests.get(f"{self.url}/calls", timeout=5).json()
        return {entry["operation"]: entry["calls"] for entry in told if entry["seller"].startswith(seller)}


@pytest.fixture
def simulated(redis: Redis, clock: Clock) -> Iterator[Simulated]:
    """Published rates, small pages."""
    app = create_app(clock=clock, options=Options(page_size=20))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Simulated(f"http://127.0.0.1:{server.port}", redis, clock)
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_dataset_comes_whole_and_no_call_is_refused(simulated: Simulated, clock: Clock) -> None:
    """Budgets on both sides by the published rates: where ours grants, Amazon's has a token."""
    amazon, window = simulated.line("S1"), Window.trailing(clock.now, 30)

    payloads = {name: _finish(name, amazon, window, clock) for name in (*DAILY, *WEEKLY)}

    assert all(payloads.values())
    assert {type(payloads[name]) for name in ("orders", "transactions", "economics", "ads")} == {list}
    assert isinstance(payloads["performance_v1"], str)
    assert {type(payloads[name]) for name in ("performance_v2", "sales_traffic")} == {dict}
    assert payloads["transactions"] == payloads["finances"]


def test_fifty_jobs_of_one_seller_are_never_refused_by_its_bucket(
    simulated: Simulated, clock: Clock, redis: Redis
) -> None:
    """Thirty wait their turns and are served at them, by a server that counts for itself."""
    waiting: list[tuple[Any, int, dict[str, Any]]] = []
    window = Window.trailing(clock.now, 1)
    for number in range(50):
        state = dict[str, Any]()
        try:
            fetch("orders", simulated.line("S2", f"job-{number}"), window, state)
        except Wait as wait:
            waiting.append((wait.until, number, state))

    for until, number, state in sorted(waiting, key=lambda entry: entry[0]):
        clock.now = until
        # Their hour is over on the told clock, though not on Redis': an expired token would cost a second call.
        redis.delete(*redis.scan_iter("amazon:token:*"))
        fetch("orders", simulated.line("S2", f"job-{number}"), window, state)

    assert len({until for until, _, _ in waiting}) == len(waiting) == 30
    assert simulated.calls("S2")["searchOrders"] == 50
    assert redis.hget("amazon:budget:na:S2:searchOrders", "refusals") is None


@pytest.mark.parametrize(
    ("fault", "operation"),
    [("html_503", "getOrderMetrics"), ("cut_connection", "getOrderMetrics"), ("malformed", "getOrderMetrics")],
)
def test_a_fault_is_named_and_the_next_try_succeeds(
    simulated: Simulated, clock: Clock, fault: str, operation: str
) -> None:
    """Transient, with the operation in its text."""
    amazon, window = simulated.line("S3"), Window.trailing(clock.now, 7)
    simulated.break_next(fault, operation)

    with pytest.raises(AmazonError, match=operation) as failed:
        fetch("sales_totals", amazon, window, {})

    assert failed.value.transient
    assert fetch("sales_totals", amazon, window, {})


@pytest.mark.parametrize("fault", ["expired_token", "throttle"])
def test_an_expired_token_and_a_refusal_are_got_over(simulated: Simulated, clock: Clock, fault: str) -> None:
    """By a new token at once; by a wait and the same call."""
    amazon, window = simulated.line("S4"), Window.trailing(clock.now, 7)
    simulated.break_next(fault, "getOrderMetrics")

    assert _finish("sales_totals", amazon, window, clock)


def test_a_revoked_seller_must_authorise_again(simulated: Simulated, clock: Clock) -> None:
    """Whatever is fetched."""
    simulated.break_next("revoked")

    with pytest.raises(AccountRevoked):
        fetch("orders", simulated.line("S5"), Window.trailing(clock.now, 7), {})


def _finish(dataset: str, amazon: Amazon, window: Window, clock: Clock) -> Any:
    state = dict[str, Any]()
    for _ in range(100):
        try:
            return fetch(dataset, amazon, window, state)
        except Wait as wait:
            clock.now = max(clock.now, wait.until)
    raise AssertionError(f"{dataset} was not there after 100 waits")
