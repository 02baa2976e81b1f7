"""A master, a replica and three sentinels: what a team's high availability is made of."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from app import embedded_redis
from tests.servers import RedisServer, free_port, redis_server, wait_for

SERVICE = "toril"
CONFIGURATION = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {service} 127.0.0.1 {master} 2
sentinel down-after-milliseconds {service} 1500
sentinel failover-timeout {service} 1000
"""


class Service:
    """What the sentinels watch over."""

    def __init__(self, master: RedisServer, replica: RedisServer, ports: list[int]) -> None:
        self.master = master
        self.replica = replica
        self.ports = ports
        # Whoever lists a sentinel that is down must be served by the others.
        hosts = ",".join(f"127.0.0.1:{port}" for port in [free_port(), *ports])
        self.url = f"redis+sentinel://{hosts}/{SERVICE}/2"

    def is_watched(self) -> bool:
        """Whether each sentinel knows the two others, and the replica."""
        return all(
            state.get("num-other-sentinels") == 2 and state.get("num-slaves") == 1 and state.get("flags") == "master"
            for state in map(_seen_by, self.ports)
        )

    def has_failed_over(self) -> bool:
        """Whether the replica is the master now."""
        with Redis.from_url(self.replica.url) as client:
            try:
                return bool(client.info("replication")["role"] == "master")
            except RedisError:
                return False  # it closes its connections as it changes its role


def _seen_by(port: int) -> dict[str, object]:
    with Redis(port=port, decode_responses=True) as client:
        try:
            return dict(client.sentinel_master(SERVICE))
        except RedisError:
            return {}


def _own_port(server: RedisServer) -> int:
    return server.port


@contextmanager
def sentinel_service(folder: Path, reached_at: Callable[[RedisServer], int] = _own_port) -> Iterator[Service]:
    """Two servers under three sentinels for the length of the block; all others reach the master at that port."""
    with ExitStack() as stack:
        master, replica = (stack.enter_context(redis_server(_made(folder / name))) for name in ("master", "replica"))
        port_of_master = reached_at(master)
        with Redis.from_url(replica.url) as client:
            client.replicaof("127.0.0.1", str(port_of_master))
        service = Service(master, replica, [free_port() for _ in range(3)])
        for port in service.ports:
            process = _sentinel(port, port_of_master, _made(folder / f"sentinel-{port}"))
            stack.callback(process.wait)
            stack.callback(process.kill)
        wait_for(service.is_watched, "three sentinels to know each other")
        yield service


def _sentinel(port: int, master: int, folder: Path) -> subprocess.Popen[bytes]:
    file = folder / "sentinel.conf"
    file.write_text(CONFIGURATION.format(port=port, folder=folder, master=master, service=SERVICE))
    command = [embedded_redis.binary(), str(file), "--sentinel"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
