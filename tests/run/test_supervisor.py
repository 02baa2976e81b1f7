"""supervisord's programs are those of the design, and every variable that they expand is given."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from app.jobs.catalog import worker_threads
from app.run.supervisor import LOCAL, PRODUCTION, environment
from app.settings import Settings, settings

ROOT = Path(__file__).parents[2]


def programs(name: str) -> configparser.ConfigParser:
    """One configuration file, as written."""
    parsed = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    parsed.read(ROOT / name)
    return parsed


@pytest.mark.parametrize("name", [PRODUCTION, LOCAL])
def test_every_variable_is_given(name: str, tmp_path: Path) -> None:
    """supervisord refuses a file with a variable that it does not know."""
    expanded = set(re.findall(r"%\(ENV_(\w+)\)s", (ROOT / name).read_text()))

    given = environment(Settings(TORIL_VAR=tmp_path), worker_threads=3)

    assert expanded <= given.keys()


def test_a_platforms_worker_has_a_thread_for_each_job_that_it_holds() -> None:
    """The Procfile's number is written, not computed."""
    written = re.search(r"-t \$\(\(\$\{WORKER_CONCURRENCY:-3\} \+ (\d+)\)\)", (ROOT / "Procfile").read_text())

    assert written is not None
    assert int(written[1]) == worker_threads() - settings().worker_concurrency


@pytest.mark.parametrize("program", ["web", "worker", "producer", "clock"])
def test_a_stop_reaches_a_process_once_and_waits_for_its_jobs(program: str) -> None:
    """TRAPS, Dramatiq 17: the group's signal would reach the child twice and kill its running jobs."""
    section = programs(PRODUCTION)[f"program:{program}"]

    assert section["stopasgroup"] == "false"
    assert section["killasgroup"] == "true"
    assert int(section["stopwaitsecs"]) == 45
    assert section["autorestart"] == "true"
    assert int(section["startretries"]) > 1_000


def test_production_starts_neither_a_redis_nor_a_simulator(tmp_path: Path) -> None:
    """CONTRACTS C44: the embedded server is for development and tests only."""
    given = environment(
        Settings(
            TORIL_ENV="production",
            TORIL_VAR=tmp_path,
            REDIS_URL="redis://redis.example:6379",
            SECRET_KEY="s" * 32,
            ENCRYPTION_KEYS="e" * 44,
        ),
        worker_threads=3,
    )

    assert (given["TORIL_EMBEDDED_REDIS"], given["TORIL_SIMULATOR"]) == ("false", "false")
    assert not [name for name in programs(PRODUCTION).sections() if "redis" in name or "simulator" in name]


def test_a_socket_path_is_never_too_long(tmp_path: Path) -> None:
    """The kernel's limit is 104 bytes on macOS."""
    deep = tmp_path / ("d" * 120)

    given = environment(Settings(TORIL_VAR=deep), worker_threads=3)

    assert len(given["TORIL_SOCKET"]) < 100
