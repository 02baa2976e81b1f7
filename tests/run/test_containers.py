"""The image and the compose file: linted, since no daemon is at hand to build them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("web", "worker", "producer", "clock")


def procfile() -> dict[str, list[str]]:
    """Each process's words."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(": ") for line in lines)}


def words(service: dict[str, Any]) -> list[str]:
    """A service's command, its shell and its doubled dollars taken away."""
    command = service["command"]
    if command[:2] == ["sh", "-c"]:
        command = shlex.split(command[2].removeprefix("exec ").replace("$$", "$"))
    return list(command)


@pytest.mark.parametrize("name", ["worker", "producer", "clock"])
def test_a_container_runs_what_the_procfile_runs(name: str) -> None:
    """Word for word."""
    assert words(SERVICES[name]) == procfile()[name]


def test_the_web_container_serves_the_same_application() -> None:
    """Its port is the settings', behind a proxy of the host's."""
    assert words(SERVICES["web"]) == ["gunicorn", procfile()["web"][-1]]
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8080:8080"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    """To a version; never to what is newest."""
    assert re.fullmatch(r"[a-z]+:\d[\w.-]*", SERVICES[name]["image"])


def test_the_file_holds_no_secret_and_refuses_to_start_without_them() -> None:
    """All of them are asked for."""
    environment = SERVICES["worker"]["environment"]
    secrets = [
        environment["SECRET_KEY"],
        environment["ENCRYPTION_KEYS"],
        SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"],
    ]

    assert all(re.fullmatch(r"\$\{\w+:\?\}", secret) for secret in secrets)
    for url in ("DATABASE_URL", "QUEUE_REDIS_URL", "CACHE_REDIS_URL"):
        assert re.search(r":\$\{\w+_PASSWORD:\?\}@", environment[url])


def test_the_queues_redis_evicts_nothing_and_outlives_a_restart() -> None:
    """The cache's may forget; neither database is the other's."""
    queues, cache = SERVICES["queues"]["command"], SERVICES["cache"]["command"]

    assert queues[queues.index("--maxmemory-policy") + 1] == "noeviction"
    assert queues[queues.index("--appendonly") + 1] == "yes"
    assert SERVICES["queues"]["volumes"] == ["queues:/data"]
    assert cache[cache.index("--maxmemory-policy") + 1] == "allkeys-lru"


@pytest.mark.parametrize("name", OURS)
def test_ours_wait_for_the_schema_and_have_time_to_stop(name: str) -> None:
    """SHUTDOWN_GRACE_S is 30."""
    assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES[name]["stop_grace_period"] == "45s"


def test_the_image_runs_as_nobody_and_installs_what_is_locked() -> None:
    """By hash; the user is set before the command."""
    assert "pip install --require-hashes -r requirements.lock" in DOCKERFILE
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("CMD")
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.M) == ["python:3.11-slim-bookworm"] * 2
    assert not re.search(r"^(ADD|ENV .*(PASSWORD|SECRET|KEY))", DOCKERFILE, re.M)


def test_everything_that_is_copied_is_there_and_let_in() -> None:
    """.dockerignore keeps all else out: no .env, no database of a developer's."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M) for name in line.split()}

    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)
