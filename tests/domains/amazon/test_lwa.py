"""Access tokens: one fetch an hour, encrypted where they lie, never the old one after a new authorisation."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from app.domains.amazon import lwa
from app.domains.amazon.endpoints import Endpoints
from app.domains.amazon.errors import AmazonError
from app.domains.amazon.lwa import Tokens
from tests.domains.amazon.conftest import APPLICATION, SELLER, FernetCipher
from tests.domains.amazon.served import TOKEN_PATH, Asked, Reply, Served, said
from tests.servers import wait_for


@pytest.fixture
def tokens(redis: Redis, cipher: FernetCipher, endpoints: Endpoints) -> Tokens:
    """The tokens of our application at that server."""
    return Tokens(redis, cipher, endpoints, APPLICATION)


def test_a_token_is_fetched_once_and_then_shared(tokens: Tokens, served: Served) -> None:
    """With our id, our secret and the account's refresh token, as a form."""
    first, second = tokens.access(SELLER, "sp-api"), tokens.access(SELLER, "sp-api")

    assert first == second == "Atza|token-1"
    assert [asked.body.decode() for asked in served.asked] == [
        "grant_type=refresh_token&refresh_token=Atzr%7Crefresh-secret&client_id=our-id&client_secret=our-secret"
    ]


def test_eight_threads_that_find_none_fetch_one(tokens: Tokens, served: Served) -> None:
    """Else every hour all workers would ask at once, for every account."""
    start, got = threading.Barrier(8), list[str]()

    def take() -> None:
        start.wait()
        got.append(tokens.access(SELLER, "sp-api"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == ["Atza|token-1"] * 8
    assert served.count(TOKEN_PATH) == 1


def test_a_fetch_that_does_not_end_keeps_nobody_waiting(
    tokens: Tokens, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker may be dead, and its job wait for its own lock. If it was only slow, its token is good as well."""
    monkeypatch.setattr(lwa, "_LOCK_S", 0.2)
    may_end = threading.Event()

    def slow(_asked: Asked) -> Reply:
        may_end.wait(20)
        return said({"access_token": "Atza|slow", "expires_in": 3600})

    served.on(TOKEN_PATH, slow, said({"access_token": "Atza|quick", "expires_in": 3600}))
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(tokens.access, SELLER, "sp-api")
        wait_for(lambda: served.count(TOKEN_PATH) == 1, "the first fetch")
        second = tokens.access(SELLER, "sp-api")
        may_end.set()

        assert (second, first.result()) == ("Atza|quick", "Atza|slow")


def test_tokens_lie_encrypted_and_are_gone_before_they_end(redis: Redis, tokens: Tokens) -> None:
    """Two minutes before; neither token can be read in Redis."""
    tokens.access(SELLER, "sp-api")

    (key,) = list(redis.scan_iter())

    assert 3_400 < redis.ttl(key) <= 3_480
    assert "token-1" not in str(redis.get(key))
    assert "refresh-secret" not in key


def test_the_ads_api_has_tokens_of_its_own(tokens: Tokens, served: Served) -> None:
    """Another application, and another authorisation where the seller gave one."""
    seller = replace(SELLER, ads_refresh_token="Atzr|ads")

    tokens.access(seller, "sp-api")
    tokens.access(seller, "ads")

    assert b"refresh_token=Atzr%7Cads&client_id=our-ads-id" in served.asked[1].body


def test_a_new_authorisation_never_meets_the_old_token(tokens: Tokens) -> None:
    """The account is the same; its refresh token is not."""
    old = tokens.access(SELLER, "sp-api")

    new = tokens.access(replace(SELLER, refresh_token="Atzr|again"), "sp-api")

    assert new != old


def test_a_token_sealed_with_a_lost_key_is_fetched_anew(redis: Redis, endpoints: Endpoints, tokens: Tokens) -> None:
    """A rotation of keys costs a token each, and no error."""
    tokens.access(SELLER, "sp-api")
    rotated = Tokens(redis, FernetCipher(), endpoints, APPLICATION)

    assert rotated.access(SELLER, "sp-api") == "Atza|token-2"


def test_a_refused_token_that_another_worker_replaced_is_not_fetched_again(tokens: Tokens, served: Served) -> None:
    """Fifty calls that fail with one expired token make one new one."""
    old = tokens.access(SELLER, "sp-api")
    tokens.access(SELLER, "sp-api", refused=old)

    tokens.access(SELLER, "sp-api", refused=old)

    assert served.count(TOKEN_PATH) == 2


@pytest.mark.parametrize(
    ("reply", "transient"),
    [
        (Reply(503, b"<html>", {"Content-Type": "text/html"}), True),
        (said({"error": "slow_down"}, 429), True),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), True),
        (said({"token_type": "bearer"}), True),
        (said({"error": "invalid_client", "error_description": "our-secret is wrong"}, 401), False),
    ],
    ids=["html-503", "429", "html-200", "no-token", "our-own-id"],
)
def test_a_token_that_does_not_come_is_no_revoked_account(
    tokens: Tokens, served: Served, reply: Reply, transient: bool
) -> None:
    """A wrong secret of ours must not mark every account as revoked; nor is it ever quoted."""
    served.on(TOKEN_PATH, reply)

    with pytest.raises(AmazonError, match="refreshToken") as failed:
        tokens.access(SELLER, "sp-api")

    assert failed.value.transient is transient
    assert "our-secret" not in str(failed.value)
