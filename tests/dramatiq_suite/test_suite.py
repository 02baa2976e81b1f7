"""The yardstick: Dramatiq's own tests fail where docs/dramatiq.md says so, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.dramatiq_suite import suite
from tests.dramatiq_suite.suite import ROOT, Round, Unavailable

DIFFERENCES = ROOT / "docs" / "dramatiq.md"
ROW = re.compile(r"^\| `(\w+\.py::[^`]+)` \| (fails|may fail) \| \S.* \|$", re.MULTILINE)

BEHAVIOUR = (
    "test_actors.py",
    "test_callbacks.py",
    "test_composition.py",
    "test_encoders.py",
    "test_generic_actors.py",
    "test_messages.py",
    "test_results.py",
    "test_worker.py",
)


def listed(kind: str) -> set[str]:
    """The tests of which the document says that."""
    return {test for test, said in ROW.findall(DIFFERENCES.read_text()) if said == kind}


def unexpected(redis_url: str, directory: Path, files: Sequence[str], which: Round, only: str = "") -> dict[str, str]:
    """What ended otherwise than the document says, twice: a busy machine misses the deadlines of some tests once."""
    found: dict[str, str] = {}
    for attempt in ("first", "second"):
        try:
            outcomes = suite.run(files, redis_url=redis_url, directory=directory / attempt, only=only, which=which)
        except Unavailable as reason:
            pytest.skip(str(reason))
        assert outcomes, f"no test ran; see {directory}/{attempt}/output.txt"
        found = {test: outcome for test, outcome in outcomes.items() if not is_expected(test, outcome)}
        if not found:
            break
        again = {function(test) for test in found}
        # Where pytest itself broke (CPython 3.11's parser may, when a test's interrupt meets it), all of them again.
        only = only if "internal" in again else " or ".join(again)
    return found


def is_expected(test: str, outcome: str) -> bool:
    """Whether a row says so; a row without a parameter is for all of the test's."""
    names = {test, test.partition("[")[0]}
    return bool(names & listed("may fail")) or (outcome == "failed") == bool(names & listed("fails"))


def function(test: str) -> str:
    """The name that pytest's ``-k`` knows it by."""
    return test.partition("::")[2].partition("[")[0]


def test_its_redis_tests_pass_but_for_those_of_private_keys(redis_url: str, tmp_path: Path) -> None:
    """With our broker in place of RedisBroker; without the two that take half a minute to fail."""
    quick = "not cleaned_up and not join_race_condition"

    assert unexpected(redis_url, tmp_path, ["test_redis.py"], "redis", quick) == {}


@pytest.mark.long
def test_all_its_redis_tests_and_those_of_its_command(redis_url: str, tmp_path: Path) -> None:
    """The command in its own processes: signals, reload, forks."""
    assert unexpected(redis_url, tmp_path, ["test_redis.py", "test_cli.py"], "redis") == {}


@pytest.mark.long
def test_its_behaviour_is_ours(redis_url: str, tmp_path: Path) -> None:
    """The tests that Dramatiq runs on its broker in memory, on ours: more than the yardstick asks."""
    assert unexpected(redis_url, tmp_path, BEHAVIOUR, "everything") == {}


def test_every_listed_difference_names_a_test_of_the_release(tmp_path: Path) -> None:
    """A row that no test answers to would excuse nothing."""
    try:
        directory = suite.unpacked(tmp_path)
    except Unavailable as reason:
        pytest.skip(str(reason))

    for test in listed("fails") | listed("may fail"):
        file = directory / "tests" / test.partition("::")[0]
        assert f"def {function(test)}(" in file.read_text(), test
