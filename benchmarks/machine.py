"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil
from redis import Redis

from benchmarks import peers


def facts(names: list[str]) -> dict[str, str]:
    """The machine, its load, and every version that matters."""
    cpus = os.cpu_count() or 1
    with Redis.from_url(peers.redis_url()) as client:
        server = client.info("server")
    packages: dict[str, str] = {}
    for name in names:
        packages |= peers.versions(name)
    return {
        "machine": f"{_cpu_model()}, {cpus} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before the run": f"{os.getloadavg()[0]:.2f} of {cpus}",
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "Python": platform.python_version(),
        "Node": _output("node", "--version"),
        "Redis": _redis_version(server),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
    }


def _redis_version(server: dict[str, str]) -> str:
    if "valkey_version" in server:
        return f"valkey {server['valkey_version']}, append-only file synced every second"
    return str(server["redis_version"])


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "none"
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
