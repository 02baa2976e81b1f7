"""Everything that a system leaves to be read: by the name of the place, its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import requests
from redis import Redis
from sqlalchemy import inspect, text

from app import db

HREF = re.compile(r'href="(/dashboard[^"#]*)"')
#: Streams do not end; styles and pictures are files of the source.
NOT_READ = ("/dashboard/stream", "/dashboard/static")
MOST_PAGES = 150


def files(directory: Path) -> Iterator[tuple[str, str]]:
    """Logs, the database's and Redis' files: also what is deleted and not overwritten yet."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield f"file {path.relative_to(directory)}", path.read_text(errors="replace")


def rows() -> Iterator[tuple[str, str]]:
    """Every row of every table."""
    with db.engine().connect() as connection:
        for table in inspect(connection).get_table_names():
            found = connection.execute(text(f'SELECT * FROM "{table}"')).all()
            yield f"table {table}", "\n".join(map(repr, found))


def keys(redis: Redis) -> Iterator[tuple[str, str]]:
    """Every key with what it holds."""
    reads: dict[str, Callable[[str], object]] = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "list": lambda key: redis.lrange(key, 0, -1),
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        "stream": redis.xrange,
    }
    for key in redis.scan_iter(count=1_000):
        kind = str(redis.type(key))
        if kind != "none":
            yield f"key {key}", f"{key} {reads[kind](str(key))!r}"


def pages(web: str, browser: requests.Session) -> Iterator[tuple[str, str]]:
    """Every page of the dashboard that a link leads to."""
    seen, to_read = {"/dashboard/overview"}, ["/dashboard/overview"]
    while to_read and len(seen) < MOST_PAGES:
        path = to_read.pop(0)
        page = browser.get(web + path, timeout=20)
        yield f"page {path}", page.text
        links = [link.replace("&amp;", "&") for link in HREF.findall(page.text)]
        new = [link for link in dict.fromkeys(links) if link not in seen and not link.startswith(NOT_READ)]
        seen.update(new)
        to_read += new


def answers(web: str, token: str, paths: list[str]) -> Iterator[tuple[str, str]]:
    """What the API shows, its headers included."""
    for path in paths:
        reply = requests.get(web + path, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        yield f"answer {path}", f"{reply.status_code} {reply.headers} {reply.text}"


def titles() -> Iterator[tuple[str, str]]:
    """How the processes that this one has started are called."""
    for process in psutil.Process().children(recursive=True):
        yield f"title {process.pid}", " ".join([process.name(), *process.cmdline()])
