"""The Python blocks of docs/engine.md do what it says, as they stand there."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.workers import WorkerProgram

PAGE = Path(__file__).parent.parent / "docs" / "engine.md"
BLOCK = re.compile(r"^```python ?(\S*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"  # (.+)$")


@pytest.fixture
def mail(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of the page's ``mail.py``, while a worker program runs it."""
    (source,) = (source for name, source in BLOCK.findall(PAGE.read_text()) if name == "mail.py")
    (tmp_path / "mail.py").write_text(source)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.syspath_prepend(tmp_path)
    worker = WorkerProgram("mail:broker", {"PYTHONPATH": str(tmp_path)}, tmp_path / "worker.log")
    try:
        worker.wait_until_ready()
        yield vars(importlib.import_module("mail"))
    finally:
        worker.end()
        sys.modules.pop("mail", None)


def run(block: str, names: dict[str, Any]) -> None:
    """Run a block's statements; what an expression gives must be what its line shows."""
    lines = block.splitlines()
    for statement in ast.parse(block).body:
        shown = SHOWN.search(lines[(statement.end_lineno or 0) - 1])
        if isinstance(statement, ast.Expr) and shown and _is_value(shown[1]):
            value = eval(compile(ast.Expression(statement.value), PAGE.name, "eval"), names)
            assert repr(value) == shown[1], ast.unparse(statement)
        else:
            exec(compile(ast.Module([statement], []), PAGE.name, "exec"), names)


def _is_value(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def test_every_example_of_the_engines_page_gives_what_it_shows(mail: dict[str, Any]) -> None:
    """Each block in turn, with the names of those before it, beside a real worker."""
    names = dict(mail)

    blocks = [source for name, source in BLOCK.findall(PAGE.read_text()) if not name]
    for block in blocks:
        run(block, names)

    assert len(blocks) > 10
