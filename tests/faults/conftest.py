"""A system to be broken, on either database."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.faults.figures import keep_outcome
from tests.faults.system import FaultSystem, fault_system

#: In ``make test`` every run is the same chance; ``make faults`` goes through many.
SEED = 20260101
SEEDS = (
    [int(seed) for seed in os.environ["FAULTS_SEEDS"].split()] if "FAULTS_SEEDS" in os.environ else list(range(1, 11))
)
DATABASES = ["sqlite", "postgresql"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A long run that did not reach its figure is written as such."""
    report = yield
    if item.get_closest_marker("faults") and (report.when == "call" or report.failed):
        keep_outcome(item.nodeid, passed=report.passed)
    return report


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> str:
    """The shared PostgreSQL, emptied; a test that kills the server starts one of its own."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres_url


@pytest.fixture
def sqlite_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultSystem]:
    """Everything on one machine."""
    with fault_system(tmp_path, f"sqlite:///{tmp_path}/toril.db", monkeypatch, SEED) as system:
        yield system


@pytest.fixture
def postgres_system(tmp_path: Path, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultSystem]:
    """With a real PostgreSQL."""
    with fault_system(tmp_path, empty_postgres_url, monkeypatch, SEED) as system:
        yield system


Open = Callable[[str, int], FaultSystem]


@pytest.fixture
def open_system(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """Opens a system on ``sqlite`` or ``postgresql`` with that seed; one a test."""
    with ExitStack() as opened:

        def one(database: str, seed: int) -> FaultSystem:
            directory = tmp_path_factory.mktemp("faults")
            url = f"sqlite:///{directory}/toril.db"
            if database == "postgresql":
                url = request.getfixturevalue("empty_postgres_url")
            return opened.enter_context(fault_system(directory, url, monkeypatch, seed))

        yield one
