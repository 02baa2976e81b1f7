"""``toril keys``: keys for ``ENCRYPTION_KEYS``."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet

from app.commands.printing import say


@click.group()
def keys() -> None:
    """Keys that seal secrets at rest."""


@keys.command()
def new() -> None:
    """Print a new key; put it before the old ones in ENCRYPTION_KEYS to rotate."""
    key = Fernet.generate_key().decode()
    say(key, key=key)
