"""A proxy between a program and its server that cuts connections at the worst moment, or stops to listen to one end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

CHUNK = 1 << 16
#: What a connection says first tells what it is for.
OPENING = 1_000

Connect = Callable[[], socket.socket]


class Moment(Enum):
    """When a connection is cut. In the first case nothing has happened, in the last it has, and nobody is told."""

    BEFORE_REQUEST = auto()
    AFTER_REQUEST = auto()
    BEFORE_REPLY = auto()


@dataclass
class Cut:
    """Every so many requests with these words end their connection, so many times. ``made`` is how many did."""

    words: bytes
    moment: Moment
    times: int
    every: int
    also: Callable[[], object] | None
    seen: int = 0
    made: int = 0

    def falls_on(self, request: bytes) -> bool:
        """Whether this request is one of them; it is counted."""
        if self.made >= self.times or self.words not in request:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.made += 1
        return True


class Connection:
    """A client's connection and the server's, with a thread for each direction."""

    def __init__(self, client: socket.socket, server: socket.socket, proxy: Proxy) -> None:
        self._client = client
        self._server = server
        self._proxy = proxy
        self._lost_reply: Cut | None = None
        self.opening = b""
        self.hears = threading.Event()
        self.hears.set()

    def run(self) -> None:
        """Until either end closes, or the proxy cuts it."""
        replies = threading.Thread(target=self._pass_replies, name="replies")
        replies.start()
        self._pass_requests()
        replies.join()
        self._client.close()
        self._server.close()

    def cut(self) -> None:
        """Both ends see the connection close; what was held is not passed on."""
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.hears.set()

    def _pass_requests(self) -> None:
        with suppress(OSError):
            while request := self._client.recv(CHUNK):
                self.opening = (self.opening + request)[:OPENING]
                cut = self._proxy.cut_on(request)
                if cut is not None and cut.moment is Moment.BEFORE_REQUEST:
                    self._end_by(cut)
                    return
                if cut is not None and cut.moment is Moment.BEFORE_REPLY:
                    self._lost_reply = cut
                self._server.sendall(request)
                if cut is not None and cut.moment is Moment.AFTER_REQUEST:
                    self._end_by(cut)
                    return
        self.cut()

    def _pass_replies(self) -> None:
        with suppress(OSError):
            while reply := self._server.recv(CHUNK):
                if self._lost_reply is not None:
                    self._end_by(self._lost_reply)
                    return
                self.hears.wait()
                self._client.sendall(reply)
        self.cut()

    def _end_by(self, cut: Cut) -> None:
        if cut.also:
            cut.also()
        self.cut()


class Proxy:
    """Listens on a loopback ``port`` and passes everything on, but for what it was told to cut or to hold."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._cuts: list[Cut] = []
        self._connections: set[Connection] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False
        self._acceptor = threading.Thread(target=self._accept, name="proxy")
        self._acceptor.start()

    def cut(
        self, words: bytes, moment: Moment, *, times: int = 1, every: int = 1, also: Callable[[], object] | None = None
    ) -> Cut:
        """From now on; ``also`` is called just before each cut."""
        cut = Cut(words, moment, times, every, also)
        with self._lock:
            self._cuts.append(cut)
        return cut

    def hold(self, words: bytes) -> int:
        """Connections that began with these words hear nothing any more; returns how many there are."""
        with self._lock:
            held = [one for one in self._connections if words in one.opening]
        for one in held:
            one.hears.clear()
        return len(held)

    def cut_on(self, request: bytes) -> Cut | None:
        """The cut that falls on this request."""
        with self._lock:
            return next((cut for cut in self._cuts if cut.falls_on(request)), None)

    def close(self) -> None:
        """Cut what is open, and refuse what comes."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        with self._lock:
            self._closed = True
            left = list(self._connections)
        for one in left:
            one.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(client,), name="requests")
                self._threads = [one for one in self._threads if one.is_alive()] + [thread]
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = self._connect()
        except OSError:
            client.close()  # nobody listens there now
            return
        connection = Connection(client, server, self)
        with self._lock:
            if self._closed:
                connection.cut()
            self._connections.add(connection)
        try:
            connection.run()
        finally:
            with self._lock:
                self._connections.discard(connection)


@contextmanager
def proxy_of(connect: Connect) -> Iterator[Proxy]:
    """A proxy for the length of the block."""
    proxy = Proxy(connect)
    try:
        yield proxy
    finally:
        proxy.close()


def to_tcp(url: str) -> Connect:
    """Connects to the server of a URL."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 0)

    def connect() -> socket.socket:
        server = socket.create_connection((host, port))
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    return connect


def to_unix_socket(path: str) -> Connect:
    """Connects to the server that listens on that file."""

    def connect() -> socket.socket:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(path)
        except OSError:
            server.close()
            raise
        return server

    return connect
