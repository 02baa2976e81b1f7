"""The processes under supervisord: its settings are ours, handed over as environment variables.

`python -m app.run.supervisor` is how production starts; `toril run` starts the same with a Redis and a simulator.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app import embedded_redis
from app.settings import Settings, settings

PRODUCTION = "supervisord.conf"
LOCAL = "supervisord.local.conf"
#: The longest stop of any program (stopwaitsecs), for each of the four that stop one after the other, and some air.
STOP_TIMEOUT_S = 4 * 45 + 20
_UNIX_PATH_LIMIT = 90  # the kernel's is 104 on macOS, and supervisord adds its pid while it starts


def environment(current: Settings, worker_threads: int) -> dict[str, str]:
    """What supervisord.conf expands, as a whole environment for it and its programs."""
    var = current.var_dir.resolve()
    own_bin = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{own_bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "TORIL_VAR": str(var),
        "TORIL_SOCKET": str(_socket(var)),
        "TORIL_WORKER_THREADS": str(worker_threads),
        "TORIL_SHUTDOWN_MS": str(current.shutdown_grace_s * 1000),
        "TORIL_REDIS_COMMAND": shlex.join(embedded_redis.command(current.embedded_redis_port, var / "redis")),
        "TORIL_EMBEDDED_REDIS": str(current.uses_embedded_redis).lower(),
        "TORIL_SIMULATOR": str(current.uses_simulator).lower(),
        "WORKER_INSTANCES": str(current.worker_instances),
        "WEB_HOST": current.web_host,
        "WEB_PORT": str(current.web_port),
        "AMAZON_SIMULATOR_PORT": str(current.amazon_simulator_port),
        "TORIL_LEADS_SERVER": str(current.uses_leads_server).lower(),
        "LEADS_SERVER_PORT": str(current.leads_server_port),
        "TORIL_STATUS_SERVER": str(current.uses_status_server).lower(),
        "STATUS_SERVER_PORT": str(current.status_server_port),
    }


def start(configuration: str, environ: Mapping[str, str], directory: Path) -> subprocess.Popen[bytes]:
    """Start supervisord in a session of its own: Ctrl-C reaches the caller alone, who then stops it in order."""
    _make_directories(Path(environ["TORIL_VAR"]))
    return subprocess.Popen(  # noqa: S603 - our own configuration
        _command(configuration, directory),
        cwd=directory,
        env=dict(environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop(supervisord: subprocess.Popen[bytes]) -> None:
    """Stop every program, the last started first; running jobs end within their grace. Kills what does not stop."""
    if supervisord.poll() is None:
        supervisord.send_signal(signal.SIGTERM)
    try:
        supervisord.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(supervisord.pid, signal.SIGKILL)
        supervisord.wait()


def main() -> None:
    """Become supervisord with the production programs."""
    from app.jobs.catalog import worker_threads

    environ = environment(settings(), worker_threads())
    _make_directories(Path(environ["TORIL_VAR"]))
    command = _command(PRODUCTION, Path.cwd())
    os.execve(command[0], command, environ)  # noqa: S606 - no shell


def _make_directories(var: Path) -> None:
    for name in ("log", "redis"):
        (var / name).mkdir(parents=True, exist_ok=True)


def _command(configuration: str, directory: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "supervisor.supervisord",
        "--nodaemon",
        "--configuration",
        str(directory / configuration),
    ]


def _socket(var: Path) -> Path:
    """Under ``var/``, unless that path is too long for a Unix socket."""
    socket = var / "supervisor.sock"
    if len(str(socket)) <= _UNIX_PATH_LIMIT:
        return socket
    return Path(tempfile.gettempdir()) / f"toril-{hashlib.sha256(str(var).encode()).hexdigest()[:12]}.sock"


if __name__ == "__main__":
    main()
