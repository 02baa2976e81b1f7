"""Faults on request: each as Amazon has them, so often as was asked."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from tests.domains.amazon.simulator.seller import SimulatedSeller
from tests.servers import free_port

TRANSACTIONS = "/sp/finances/2024-06-19/transactions"


@pytest.fixture
def seller() -> SimulatedSeller:
    """The frozen seller."""
    return SimulatedSeller("FROZEN", "US")


def ask_for(seller: SimulatedSeller, fault: str, operation: str = "listTransactions", **more: Any) -> None:
    """Set a fault for the seller."""
    answer = seller.http.post("/faults", json={"seller": "FROZEN", "operation": operation, "fault": fault, **more})
    assert answer.status_code == 201, answer.text


def test_a_fault_hits_so_often_and_is_gone(seller: SimulatedSeller) -> None:
    """Two times HTML with a 503, then good answers again."""
    ask_for(seller, "html_503", times=2)

    answers = [seller.get(TRANSACTIONS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].mimetype == "text/html"


def test_a_fault_of_one_seller_or_operation_hits_no_other(seller: SimulatedSeller) -> None:
    """Neither another operation, nor the seller's other country."""
    ask_for(seller, "html_503", operation="searchOrders", times=None)
    seller.http.post("/faults", json={"seller": "FROZEN-JP", "operation": "*", "fault": "html_503", "times": None})

    assert seller.get(TRANSACTIONS).status_code == 200


def test_an_expired_token_is_a_403_and_a_new_one_works(seller: SimulatedSeller) -> None:
    """The client is expected to refresh once."""
    ask_for(seller, "expired_token")

    refused = seller.get(TRANSACTIONS)
    seller.authorise()

    assert refused.status_code == 403
    assert "expired" in refused.get_json()["errors"][0]["details"]
    assert seller.get(TRANSACTIONS).status_code == 200


def test_an_access_token_lasts_an_hour(seller: SimulatedSeller) -> None:
    """3,600 seconds, as LWA says."""
    seller.clock.pass_s(3_600)

    assert seller.get(TRANSACTIONS).status_code == 403


def test_a_revoked_seller_gets_no_token_and_no_answer(seller: SimulatedSeller) -> None:
    """Whichever operation was named: the authorisation is gone."""
    ask_for(seller, "revoked", times=None)

    assert seller.authorise().get_json()["error"] == "invalid_grant"
    assert seller.get("/sp/sellers/v1/marketplaceParticipations").status_code == 403
    seller.http.delete("/faults")
    assert seller.authorise().status_code == 200


def test_a_malformed_body_is_a_good_status_with_half_a_json(seller: SimulatedSeller) -> None:
    """200, application/json, and no JSON."""
    ask_for(seller, "malformed")

    answer = seller.get(TRANSACTIONS)

    assert (answer.status_code, answer.mimetype, answer.get_json(silent=True)) == (200, "application/json", None)


def test_a_truncated_gzip_breaks_off_once(seller: SimulatedSeller) -> None:
    """The document's first half; the whole when it is downloaded again."""
    ask_for(seller, "truncated_gzip", operation="document")

    with pytest.raises(EOFError):
        seller.report("GET_V2_SELLER_PERFORMANCE_REPORT", "2026-03-01", "2026-03-10")
    assert gzip.decompress(seller.http.get(f"/documents/{_last_task(seller)}").data)


def _last_task(seller: SimulatedSeller) -> str:
    return str(list(seller.app.extensions["simulator"].tasks)[-1])


@pytest.mark.parametrize("fault", ["nonsense", "slow(x)", ""])
def test_an_unknown_fault_is_refused_with_the_known_ones(seller: SimulatedSeller, fault: str) -> None:
    """A typo must not pass for a quiet day."""
    answer = seller.http.post("/faults", json={"operation": "*", "fault": fault})

    assert (answer.status_code, "html_503" in answer.text) == (400, True)


@pytest.mark.parametrize("token", ["demo-1-XX", "demo--US", "Atzr|1", "demo-US", ""])
def test_an_unknown_refresh_token_is_an_invalid_grant(seller: SimulatedSeller, token: str) -> None:
    """Only ``demo-<seller>-<country>`` is known."""
    seller.refresh_token = token

    assert seller.authorise().get_json()["error"] == "invalid_grant"


@pytest.fixture
def address(seller: SimulatedSeller) -> Iterator[str]:
    """The same simulator behind a real socket."""
    server = make_server("127.0.0.1", free_port(), seller.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_cut_connection_ends_in_the_middle_of_the_answer(seller: SimulatedSeller, address: str) -> None:
    """The client sees a broken connection, not a status."""
    ask_for(seller, "cut_connection")

    with requests.Session() as session:
        with pytest.raises(requests.exceptions.RequestException):
            session.get(address + TRANSACTIONS, headers=seller.headers, timeout=5)
        assert session.get(address + TRANSACTIONS, headers=seller.headers, timeout=5).status_code == 200


def test_a_slow_answer_comes_late_and_whole(seller: SimulatedSeller, address: str) -> None:
    """Slower than the client waits, it is a timeout; else it is a good answer."""
    ask_for(seller, "slow(400)", times=1)
    with requests.Session() as session:
        with pytest.raises(requests.exceptions.ReadTimeout):
            session.get(address + TRANSACTIONS, headers=seller.headers, timeout=0.1)
        ask_for(seller, "slow(1)")
        assert session.get(address + TRANSACTIONS, headers=seller.headers, timeout=5).status_code == 200


def test_a_fault_for_an_unknown_operation_is_refused(seller: SimulatedSeller) -> None:
    """It would never hit, and its test would prove nothing."""
    answer = seller.http.post("/faults", json={"operation": "listTransaction", "fault": "html_503"})

    assert (answer.status_code, "listTransactions" in answer.text) == (400, True)
