"""Becomes the embedded Redis (`toril redis`), with its append-only file under ``var/redis``."""

from __future__ import annotations

import os
from typing import NoReturn

from app import embedded_redis
from app.settings import settings


def main() -> NoReturn:
    """Replace this process by the server, so that the supervisor's signals reach it."""
    directory = settings().var_dir.resolve() / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    command = embedded_redis.command(settings().embedded_redis_port, directory)
    os.execv(command[0], command)  # noqa: S606 - no shell, and the path is the wheel's own
