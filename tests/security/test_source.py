"""Nothing that comes from outside is ever run: no pickle, no eval, no import by a name that was sent (faults 28)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for side in ("app", "workers", "producer") for path in (ROOT / side).rglob("*.py"))

#: Modules whose loading can run what it loads, and a shell.
MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "yaml",
    "jsonpickle",
    "code",
    "codeop",
    "pty",
}
CALLS = {
    *("eval", "exec", "compile", "__import__", "input"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("importlib.import_module", "import_module", "runpy.run_path", "runpy.run_module"),
}
#: What imports by a name that is ours: our models' files, and the crontab's folder, which an operator fills.
ALLOWED = {("app/models/__init__.py", "importlib.import_module")}


def found(path: Path) -> Iterator[str]:
    """What of these stands in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").split(".")[0] in MODULES:
                yield str(node.module)
        elif isinstance(node, ast.Call):
            if (name := ast.unparse(node.func)) in CALLS:
                yield name
            if any(option.arg == "shell" for option in node.keywords):
                yield "shell="


def test_no_source_runs_what_it_is_given() -> None:
    """Every file of the three sides."""
    used = {(str(path.relative_to(ROOT)), name) for path in SOURCES for name in found(path)}

    assert used - ALLOWED == set()
    assert len(SOURCES) > 200


def test_secrets_are_compared_in_constant_time() -> None:
    """A ``==`` beside a token, a digest or a signature would tell how much of it was right."""
    secret = ("token", "digest", "signature", "hmac", "password", "csrf")
    compared = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in SOURCES
        if path.is_relative_to(ROOT / "app" / "auth") or path.is_relative_to(ROOT / "app" / "dashboard")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
        if any(word in ast.unparse(side).lower() for side in (node.left, *node.comparators) for word in secret)
        and not any(isinstance(side, ast.Constant) for side in node.comparators)
        and "token_hash" not in ast.unparse(node)  # a column: the database looks a hash up
    ]

    assert compared == []
