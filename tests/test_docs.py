"""The Python blocks of docs/engine.md do what it says, as they stand there; guides name what there is."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.api.application import create_app
from app.cli import toril
from app.settings import Settings
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


def _absent(page: str) -> set[str]:
    """The routes, commands and settings of a page that are none."""
    text = (PAGE.parent / page).read_text()
    rules = {re.sub(r"<[^>]+>", "<>", rule.rule) for rule in create_app().url_map.iter_rules()}
    named = re.findall(r"(?:GET|POST|PUT|PATCH|DELETE) (/[\w/<>.-]+)", text)
    routes = {path for path in named if re.sub(r"<[^>]+>", "<>", path) not in rules}
    commands = {name for name in re.findall(r"`toril ([\w-]+)", text) if name not in toril.commands}
    fields = {str(field.alias) for field in Settings.model_fields.values()}
    given = {name for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text) if name not in fields}
    return routes | commands | given


def test_the_migration_guide_names_commands_and_routes_that_exist() -> None:
    """S2-12: whoever follows it finds each."""
    assert _absent("migrating.md") == set()


def test_the_troubleshooting_guide_names_commands_and_routes_that_exist() -> None:
    """S1-13, with the rest of its page."""
    assert _absent("operations.md") == set()
