"""What goes wrong between here and Amazon: each ends in an error that names the operation and the cause."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domains.amazon import calls, http
from app.domains.amazon.datasets import fetch
from app.domains.amazon.errors import AccountRevoked, AmazonError, BudgetSpent
from app.domains.amazon.windows import Window
from tests.domains.amazon.conftest import SELLER, Clock, Line
from tests.domains.amazon.served import TOKEN_PATH, Asked, Reply, Served, refusal, said

WEEK = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
METRICS = "/sp/sales/v1/orderMetrics"
GOOD = said({"payload": [{"unitCount": 1}]})
EXPIRED = refusal("Unauthorized", 403, "Access denied.", "The access token you provided has expired.")


@pytest.mark.parametrize(
    ("reply", "code", "cause"),
    [
        (Reply(503, b"<html>Service Unavailable</html>", {"Content-Type": "text/html"}), "MalformedBody", "text/html"),
        (Reply(200, b"<html>All is well</html>", {"Content-Type": "text/html"}), "MalformedBody", "24 bytes of text"),
        (Reply(200, b""), "MalformedBody", "an empty body"),
        (Reply(200, b'{"payload": [{"unitCou'), "MalformedBody", "not JSON"),
        (Reply(200, b'{"payload": [NaN]}'), "MalformedBody", "not JSON"),
        (Reply(200, b"[" * 100_000), "MalformedBody", "not JSON"),
        (said({"other": 1}), "MalformedBody", "no payload in the answer"),
        (refusal("InternalFailure", 500, "We are sorry"), "InternalFailure", "We are sorry"),
        (Reply(200, b'{"payload": []}', cut=-1), "ConnectionError", "the connection was refused or cut"),
        (Reply(200, b'{"payload": []}', cut=5), "ChunkedEncodingError", "the answer was cut off"),
        (
            Reply(200, gzip.compress(b'{"payload": []}')[:12], {"Content-Encoding": "gzip"}),
            "MalformedBody",
            "not JSON",
        ),
        (Reply(200, b"\x1f\x8bnonsense", {"Content-Encoding": "gzip"}), "ContentDecodingError", "damaged"),
    ],
    ids=[
        "html-503",
        "html-200",
        "empty",
        "half",
        "nan",
        "deep",
        "no-payload",
        "500",
        "cut-before",
        "cut-within",
        "gzip-cut",
        "gzip-bad",
    ],
)
def test_what_may_pass_is_transient_and_named(line: Line, served: Served, reply: Reply, code: str, cause: str) -> None:
    """None of these is an empty success."""
    served.on(METRICS, reply)

    with pytest.raises(AmazonError) as failed:
        calls.order_metrics(line(), WEEK)

    assert failed.value.transient
    assert (failed.value.operation, failed.value.code) == ("getOrderMetrics", code)
    assert cause in str(failed.value)


def test_a_server_that_says_nothing_is_given_up(line: Line, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeout is explicit, and the error says how long it was."""
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.05)
    served.on(METRICS, Reply(200, b"", {"Content-Length": "10"}))

    with pytest.raises(AmazonError, match=r"getOrderMetrics: no answer.* 0.05 s in the middle of the answer") as failed:
        calls.order_metrics(line(), WEEK)

    assert failed.value.transient


def test_a_400_is_a_bug_named_by_amazons_code(line: Line, served: Served) -> None:
    """It is never retried: the same request would fail again."""
    served.on(METRICS, refusal("InvalidInput", 400, "Interval is invalid."))

    with pytest.raises(AmazonError, match=r"getOrderMetrics: HTTP 400, InvalidInput: Interval is invalid\.") as failed:
        calls.order_metrics(line(), WEEK)

    assert not failed.value.transient


def test_an_error_that_quotes_secrets_is_shown_without_them(line: Line, served: Served) -> None:
    """Whatever Amazon repeats of what we sent."""

    def quote(asked: Asked) -> Reply:
        return refusal("InvalidInput", 400, f"{asked.headers['x-amz-access-token']} of {SELLER.refresh_token}")

    served.on(METRICS, quote)

    with pytest.raises(AmazonError) as failed:
        calls.order_metrics(line(), WEEK)

    assert "token-1" not in str(failed.value)
    assert "refresh-secret" not in str(failed.value)
    assert "refresh-secret" not in repr(line().seller)


def test_an_expired_token_is_refreshed_once_and_the_call_repeated(line: Line, served: Served) -> None:
    """The second try carries the new token."""
    served.on(METRICS, EXPIRED, GOOD)

    metrics = calls.order_metrics(line(), WEEK)

    assert metrics == [{"unitCount": 1}]
    tokens = [asked.headers["x-amz-access-token"] for asked in served.asked if asked.path == METRICS]
    assert tokens == ["Atza|token-1", "Atza|token-2"]


def test_a_403_that_a_new_token_does_not_mend_is_an_error(line: Line, served: Served) -> None:
    """A role we were not given: two calls, no loop."""
    served.on(METRICS, EXPIRED)

    with pytest.raises(AmazonError, match="HTTP 403, Unauthorized") as failed:
        calls.order_metrics(line(), WEEK)

    assert not failed.value.transient
    assert served.count(METRICS) == 2


def test_a_429_without_headers_is_a_wait(line: Line, served: Served, clock: Clock) -> None:
    """The bucket is empty then, for this call and for all others of the seller's."""
    served.on(METRICS, refusal("QuotaExceeded", 429), GOOD)
    amazon = line()

    with pytest.raises(BudgetSpent) as spent:
        calls.order_metrics(amazon, WEEK)
    with pytest.raises(BudgetSpent):
        calls.order_metrics(line(holder="another"), WEEK)

    assert timedelta(seconds=2) < spent.value.until - clock.now < timedelta(seconds=4)
    assert served.count(METRICS) == 1
    clock.now = spent.value.until
    assert calls.order_metrics(amazon, WEEK) == [{"unitCount": 1}]


def test_accounts_whose_seller_is_not_known_do_not_share_a_budget(line: Line, served: Served) -> None:
    """A user may leave the seller's id out; one such account's 429 is no other's."""
    served.on(METRICS, Reply(429), GOOD)

    with pytest.raises(BudgetSpent):
        calls.order_metrics(line(account_id="one", seller_id=""), WEEK)
    metrics = calls.order_metrics(line(account_id="two", seller_id=""), WEEK)

    assert metrics == [{"unitCount": 1}]


def test_a_rate_in_the_answer_is_the_sellers_rate_from_then_on(line: Line, served: Served, clock: Clock) -> None:
    """Ten a second instead of a half: after the burst the next is 100 ms away."""
    served.on(METRICS, said({"payload": []}, x_amzn_RateLimit_Limit="10.0"))
    amazon = line()
    for _ in range(15):
        calls.order_metrics(amazon, WEEK)

    with pytest.raises(BudgetSpent) as spent:
        calls.order_metrics(amazon, WEEK)

    assert spent.value.until - clock.now == timedelta(milliseconds=100)


@pytest.mark.parametrize("error", ["invalid_grant", "unauthorized_client"])
def test_a_revoked_account_is_told_apart_from_every_error(line: Line, served: Served, error: str) -> None:
    """Only its seller can mend it; Amazon is not called again."""
    served.on(TOKEN_PATH, said({"error": error, "error_description": "revoked"}, 400))

    with pytest.raises(AccountRevoked, match=error):
        calls.order_metrics(line(), WEEK)

    assert served.count(METRICS) == 0


def test_a_redirect_is_not_followed_with_the_token(line: Line, served: Served) -> None:
    """It would hand the token to whoever is named there."""
    served.on(METRICS, Reply(302, b"{}", {"Location": f"{served.url}/elsewhere"}))

    with pytest.raises(AmazonError, match="HTTP 302"):
        calls.order_metrics(line(), WEEK)

    assert served.count("/elsewhere") == 0


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(200, gzip.compress(b'{"a": 1}' * 100)[:-9], {}), "its gzip is cut off"),
        (Reply(200, b"\x1f\x8b\x08nonsense", {}), "its gzip is damaged"),
        (Reply(200, b'{"a": ', {}), "not JSON"),
        (Reply(200, b"caf\xe9", {}), "not utf-8"),
        (Reply(403, b"<Error>Request has expired</Error>", {}), "not given out"),
        (Reply(200, b'{"a": 1}', {}, cut=3), "the answer was cut off"),
    ],
    ids=["gzip-cut", "gzip-bad", "half", "charset", "expired", "cut"],
)
def test_a_damaged_document_is_fetched_again_from_a_new_address(
    line: Line, served: Served, reply: Reply, cause: str
) -> None:
    """The report itself is not made again; no URL is in the error, since it is a permission."""
    served.on("/sp/reports/2021-06-30/reports", said({"reportId": "R1"}, 202))
    done = said({"processingStatus": "DONE", "reportDocumentId": "D1"})
    served.on("/sp/reports/2021-06-30/reports/R1", done)
    served.on("/sp/reports/2021-06-30/documents/D1", said({"url": f"{served.url}/document?Signature=secret"}))
    served.on("/document", reply, Reply(200, b'{"salesAndTrafficByDate": []}', {}))
    state = dict[str, Any]()

    with pytest.raises(AmazonError) as failed:
        fetch("sales_traffic", line(), WEEK, state)
    report = fetch("sales_traffic", line(), WEEK, state)

    assert failed.value.transient
    assert cause in str(failed.value)
    assert "secret" not in str(failed.value)
    assert report == {"salesAndTrafficByDate": []}
    assert served.count("/sp/reports/2021-06-30/reports") == 1


def test_documents_are_asked_for_plain_and_without_a_token(line: Line, served: Served) -> None:
    """A charset in the header is believed: Cp1252's euro sign is a euro sign."""
    served.on("/sp/reports/2021-06-30/reports/R1", said({"processingStatus": "DONE", "reportDocumentId": "D1"}))
    served.on("/sp/reports/2021-06-30/documents/D1", said({"url": f"{served.url}/document"}))
    xml = "<price>5 €</price>".encode("cp1252")
    served.on("/document", Reply(200, gzip.compress(xml), {"Content-Type": "text/xml; charset=Cp1252"}))

    text = fetch("performance_v1", line(), WEEK, {"report_id": "R1"})

    assert text == "<price>5 €</price>"
    asked = served.asked[-1]
    assert asked.headers["Accept-Encoding"] == "identity"
    assert not {"Authorization", "x-amz-access-token"} & set(asked.headers)
