"""What a program loads as it starts: each module makes it answer later, and every process of it larger."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.web import ROOT

#: Few jobs draw, migrate or send, and only they load what does.
FOR_FEW = {"reportlab", "alembic", "apprise"}


@pytest.mark.parametrize("program", ["workers.main", "producer.main", "app.wsgi"])
def test_what_only_few_jobs_use_is_not_loaded_at_the_start(program: str) -> None:
    """For a worker all three together are some 20 MB, and a fifth of its start."""
    code = f"import sys, {program}; print(*{{name.partition('.')[0] for name in sys.modules}})"

    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert program.partition(".")[0] in loaded.split()
    assert FOR_FEW.isdisjoint(loaded.split())
