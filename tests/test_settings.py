"""Settings: what is given arrives whole, and what is secret is never shown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from redis import Redis

from app.settings import Settings


def test_a_redis_password_may_hold_any_character() -> None:
    """In a URL an @, a slash or a # of it would begin something else."""
    given = Settings(REDIS_HOST="redis.example", REDIS_PASSWORD="p@ss/w:rd#1%")

    with Redis.from_url(given.cache_redis_url) as client:
        where = client.get_connection_kwargs()

    assert (where["host"], where["port"], where["password"], where["db"]) == ("redis.example", 6379, "p@ss/w:rd#1%", 1)


def test_an_invalid_setting_is_told_without_the_others() -> None:
    """A process that cannot start writes the error to its log, and the settings beside it may be secrets."""
    with pytest.raises(ValidationError) as refused:
        Settings(TORIL_ENV="production", REDIS_URL="redis://:hidden@redis.example", SECRET_KEY="hidden")

    assert "SECRET_KEY of at least 32 characters" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_the_settings_show_no_secret() -> None:
    """URLs hold passwords too."""
    shown = repr(
        Settings(
            DATABASE_URL="postgresql+psycopg://toril:hidden@database.example/toril",
            REDIS_URL="redis://:hidden@redis.example",
            REDIS_PASSWORD="hidden",
            SECRET_KEY="hidden",
            ENCRYPTION_KEYS="hidden",
            AMAZON_CLIENT_SECRET="hidden",
            AMAZON_ADS_CLIENT_SECRET="hidden",
        )
    )

    assert "hidden" not in shown
