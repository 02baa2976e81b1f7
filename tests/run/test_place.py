"""Starting where there is no room ends with a sentence that says what to do."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from app.run.place import CannotStart, alone_in, check_no_orphans, check_ports
from tests.servers import free_port


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    """Issue item 2: with the port taken, a clear message."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CannotStart, match=rf"port {port} on 127.0.0.1 is not free .* WEB_PORT=<port>"):
            check_ports({"WEB_PORT": ("127.0.0.1", port)})


def test_free_ports_pass() -> None:
    """Also right after a server there has stopped."""
    check_ports({"WEB_PORT": ("127.0.0.1", free_port())})


def test_a_second_start_names_the_first(tmp_path: Path) -> None:
    """Issue item 2: started twice, a clear message."""
    already = pytest.raises(CannotStart, match=rf"already runs here \(process {os.getpid()}")

    with alone_in(tmp_path), already, alone_in(tmp_path):
        pass


def test_the_place_is_free_again_after_the_end(tmp_path: Path) -> None:
    """The lock ends with its block."""
    with alone_in(tmp_path):
        pass

    with alone_in(tmp_path):
        pass


def test_processes_that_a_killed_run_left_are_named_with_the_way_to_end_them(tmp_path: Path) -> None:
    """Their ports would be taken, by nobody whom the user remembers."""
    (tmp_path / "supervisord.pid").write_text(f"{os.getpid()}\n")

    with pytest.raises(CannotStart, match=f"stop them with `kill {os.getpid()}`"):
        check_no_orphans(tmp_path / "supervisord.pid")


@pytest.mark.parametrize("left", ["", "2147483647"])
def test_a_pid_file_without_its_process_is_no_hindrance(tmp_path: Path, left: str) -> None:
    """A crash of the machine leaves one."""
    (tmp_path / "supervisord.pid").write_text(left)

    check_no_orphans(tmp_path / "supervisord.pid")
