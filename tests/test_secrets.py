"""Secrets are unreadable at rest, and keys can be changed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.secrets import InvalidEncryptionKey, SecretUnreadable, seal, signing_key, unseal
from app.settings import settings

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def fresh_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without keys, and settings read anew before and after."""
    monkeypatch.setenv("TORIL_VAR", str(tmp_path / "var"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def use_keys(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    """As if the process had been started with these."""
    monkeypatch.setenv("ENCRYPTION_KEYS", keys)
    settings.cache_clear()


def test_a_key_can_be_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first key seals, all of them open."""
    use_keys(monkeypatch, OLD)
    sealed = seal("Atzr|x")

    use_keys(monkeypatch, f"{NEW}, {OLD}")

    assert unseal(sealed) == "Atzr|x"
    assert Fernet(NEW).decrypt(seal("y")) == b"y"


def test_a_lost_key_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the text, and without either key."""
    use_keys(monkeypatch, OLD)
    sealed = seal("Atzr|x")
    use_keys(monkeypatch, NEW)

    with pytest.raises(SecretUnreadable, match="ENCRYPTION_KEYS no longer holds"):
        unseal(sealed)


def test_what_is_no_key_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in a log would be worse than a wrong key."""
    use_keys(monkeypatch, f"{NEW},hunter2-hunter2-hunter2-hunter2")

    with pytest.raises(InvalidEncryptionKey, match="key 2 is not a Fernet key") as refused:
        seal("x")

    assert "hunter2" not in str(refused.value)


def test_a_development_machine_makes_one_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    """Eight processes that start together agree on it."""
    with ThreadPoolExecutor(8) as starting:
        keys = set(starting.map(lambda _: signing_key(), range(8)))

    assert len(keys) == 1
    assert [(file.name, file.stat().st_mode & 0o777) for file in (tmp_path / "var").iterdir()] == [
        ("signing.key", 0o600)
    ]


def test_production_does_not_start_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each missing one is named."""
    monkeypatch.setenv("TORIL_ENV", "production")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")

    with pytest.raises(ValueError, match="production needs SECRET_KEY"):
        settings()
