"""docs/contracts.md tells the truth: the files and tests that it names exist; and small promises of its own."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.broker.connection import connect
from app.jobs.catalog import PROCESS_USER_DATA

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| (S[0-4]-\w+) \| .+ \| (?:`([^`]+)`|(issue \d)) \| (?:`([^`]+)`|–) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "contracts.md").read_text())
LINES = {
    *(f"S0-{number}" for number in range(1, 23)),
    *(f"S1-{number}" for number in (*range(1, 15), "F1", "F2", "F3", "F4", "F5")),
    *(f"S2-{number}" for number in (*range(1, 13), "N1", "N2", "N3", "N4", "N5")),
    *(f"S3-{number}" for number in (*range(1, 26), "F1", "F2", "F3", "F4", "F5")),
    *(f"S4-{number}" for number in range(1, 19)),
}


def test_every_line_of_the_five_documents_is_on_the_page() -> None:
    """A line is built, or names the issue that builds it; none is forgotten."""
    written = re.findall(r"^\| (S[0-4]-\w+) ", (ROOT / "docs" / "contracts.md").read_text(), re.MULTILINE)

    assert set(written) == LINES
    assert len(written) == len(ROWS), "a row does not have the form that this test reads"


@pytest.mark.parametrize(("line", "file", "issue", "test"), ROWS, ids=[f"{row[0]}:{row[3]}" for row in ROWS])
def test_what_a_line_names_exists(line: str, file: str, issue: str, test: str) -> None:
    """The file, and the test in its file; or the issue, and no test."""
    if issue:
        assert not test
        return
    test_file, _, name = test.partition("::")

    assert (ROOT / file).is_file(), f"{line} names {file}"
    assert (ROOT / test_file).is_file(), f"{line} names {test_file}"
    assert not name or name in _functions(ROOT / test_file), f"{line} names {test}"


def test_the_web_process_imports_no_side() -> None:
    """CONTRACTS S2-N1: never import a worker in the API."""
    code = (
        "import sys, app.wsgi; print([name for name in sys.modules if name.split('.')[0] in ('workers', 'producer')])"
    )

    imported = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert imported.stdout.strip() == "[]"


def test_a_process_has_one_pool_a_url(redis_url: str) -> None:
    """CONTRACTS S2-N3: no duplicate clients."""
    assert connect(redis_url) is connect(redis_url)


def test_a_refresh_runs_four_times_at_most_after_2_4_and_8_seconds() -> None:
    """CONTRACTS C1: "retried up to 3 times" is four runs."""
    assert (PROCESS_USER_DATA.attempts, PROCESS_USER_DATA.backoff_ms) == (4, 2_000)


def _functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
