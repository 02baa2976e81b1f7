"""BullMQ on Node: the package that tests/interop pins, run by bullmq_node.mjs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

TITLE = "BullMQ Node"
CONCURRENCIES = (1, 10, 50, 100, 200)
SHARE = 1.0
CANNOT: dict[str, str] = {}
PACKAGES: tuple[str, ...] = ()

PROGRAM = Path(__file__).with_suffix(".mjs")
MODULES = Path(__file__).parents[2] / "tests/interop/node_modules"

if shutil.which("node") is None or not (MODULES / "bullmq").is_dir():
    raise ImportError("no Node, or no bullmq in tests/interop/node_modules (make bench installs it where npm is)")


def versions() -> dict[str, str]:
    """bullmq and ioredis."""
    return {
        f"{name} (npm)": json.loads((MODULES / name / "package.json").read_text())["version"]
        for name in ("bullmq", "ioredis")
    }


def producer(order: str) -> list[str]:
    """The program, adding."""
    return ["node", str(PROGRAM), "produce", order]


def worker(concurrency: int) -> list[str]:
    """The program, working."""
    return ["node", str(PROGRAM), "work", str(concurrency)]
