"""What must not be readable at rest: sealing texts, and the key files of a machine that was given no keys."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.settings import settings


class SecretUnreadable(Exception):
    """A sealed text was not sealed with any of the keys at hand."""

    def __init__(self) -> None:
        super().__init__(
            "a secret was sealed with a key that ENCRYPTION_KEYS no longer holds; add that key after the new one"
        )


class InvalidEncryptionKey(ValueError):
    """One of ``ENCRYPTION_KEYS`` is not a key."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"ENCRYPTION_KEYS: key {position} is not a Fernet key (32 bytes in URL-safe base64); "
            "make one with `toril keys new`"
        )


def seal(text: str) -> str:
    """Encrypt with the first of ``ENCRYPTION_KEYS`` (comma separated)."""
    return _cipher().encrypt(text.encode()).decode()


def unseal(token: str) -> str:
    """Decrypt with whichever key fits, so that keys can be rotated; SecretUnreadable if none does."""
    try:
        return _cipher().decrypt(token).decode()
    except InvalidToken:
        raise SecretUnreadable from None


def signing_key() -> str:
    """The key of sign-in tokens: ``SECRET_KEY``, or one made for this machine."""
    return settings().secret_key or _own_key("signing.key")


def _cipher() -> MultiFernet:
    return _cipher_of(settings().encryption_keys or _own_key("encryption.key"))


@lru_cache(maxsize=8)
def _cipher_of(keys: str) -> MultiFernet:
    return MultiFernet([_fernet(key.strip(), position) for position, key in enumerate(keys.split(","), start=1)])


def _fernet(key: str, position: int) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise InvalidEncryptionKey(position) from None


def _own_key(name: str) -> str:
    """The key in that file under ``TORIL_VAR``, made on first use; development and tests only.

    Processes that start together agree: each writes a file of its own, and only the first link wins.
    """
    if settings().environment == "production":
        raise RuntimeError(f"production makes no {name} of its own: set SECRET_KEY and ENCRYPTION_KEYS")
    path = settings().var_dir / name
    if not path.exists():
        _create(path, Fernet.generate_key())
    return path.read_text()


def _create(path: Path, key: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
