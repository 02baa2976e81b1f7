"""A password cannot be guessed: after ten wrong ones nobody signs in with that address for a while."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from redis import Redis

from app.auth.attempts import MOST, WINDOW_S
from app.settings import settings
from tests.api.conftest import PASSWORD, Called
from tests.servers import free_port


def guess(client: FlaskClient, password: str = "wrong", email: str = "ada@example.com") -> int:
    """The status of one attempt."""
    return client.post("/auth/token", json={"email": email, "password": password}).status_code


def test_after_ten_wrong_passwords_not_even_the_right_one_opens(client: FlaskClient, as_: Called, redis: Redis) -> None:
    """429 with Retry-After; another address is not concerned."""
    as_(email="ada@example.com")
    as_(email="bob@example.com")
    wrong = [guess(client) for _ in range(MOST)]

    refused = client.post("/auth/token", json={"email": " ADA@example.com", "password": PASSWORD})

    assert set(wrong) == {401}
    assert (refused.status_code, refused.get_json()["success"]) == (429, False)
    assert 1 <= int(refused.headers["Retry-After"]) <= WINDOW_S
    assert guess(client, PASSWORD, "bob@example.com") == 200


def test_an_unknown_address_is_counted_as_a_known_one(client: FlaskClient) -> None:
    """Else the difference would tell who is ours."""
    assert [guess(client, email="nobody@example.com") for _ in range(MOST + 1)] == [*[401] * MOST, 429]


def test_the_right_password_forgets_the_wrong_ones(client: FlaskClient, as_: Called) -> None:
    """Who mistypes every day is never locked out."""
    as_(email="ada@example.com")

    answers = [guess(client, word) for _ in range(3) for word in [*["wrong"] * (MOST - 1), PASSWORD]]

    assert answers.count(429) == 0


def test_the_count_ends_by_itself(client: FlaskClient, redis_url: str) -> None:
    """Each key has its time, and none an address."""
    guess(client)

    cache = Redis.from_url(settings().cache_redis_url, decode_responses=True)
    [key] = cache.keys("toril:sign-in:*")

    assert 0 < cache.ttl(key) <= WINDOW_S
    assert "ada" not in key


def test_sign_in_goes_on_while_the_cache_is_away(
    client: FlaskClient, as_: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not counted, and not refused."""
    as_(email="ada@example.com")
    monkeypatch.setenv("CACHE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/1")
    settings.cache_clear()

    assert (guess(client), guess(client, PASSWORD)) == (401, 200)
