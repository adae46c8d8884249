"""Unix sockets: their files come and go with whoever listens."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import UnixAddress
from slurm_exporter.errors import ListenError
from slurm_exporter.web.server import WebServer, listen, names
from slurm_exporter.web.unix import UnixListener
from tests.web.clients import PATIENCE, receive

if TYPE_CHECKING:
    from pathlib import Path

    from slurm_exporter.web.routes import Routes

ASK = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slurm_exporter.sock"


def abandon(path: Path) -> None:
    """Leave a socket's file behind, as a process does that is killed."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        bound.listen()


def refusal(path: Path) -> str:
    """The words in which listening there is refused."""
    with pytest.raises(ListenError) as caught:
        listen([UnixAddress(str(path))])
    return str(caught.value).removeprefix(f"cannot listen on unix://{path}: ")


def test_a_server_answers_on_a_unix_socket_and_takes_its_file_along(
    path: Path, routes: Routes
) -> None:
    sockets = listen([UnixAddress(str(path))])
    assert names(sockets) == [f"unix://{path}"]
    server = WebServer(routes, sockets)
    server.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(ASK)
        answer = receive(client)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert server.stop()
    assert not path.exists()


def test_the_services_user_and_group_may_connect_whatever_the_umask(path: Path) -> None:
    """And nobody else."""
    before = os.umask(0o077)
    try:
        with UnixListener(str(path), 1):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(before)


def test_the_socket_of_a_killed_process_is_replaced(path: Path) -> None:
    abandon(path)
    with UnixListener(str(path), 1), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_socket_where_a_process_listens_is_left_alone(path: Path) -> None:
    with UnixListener(str(path), 1):
        assert refusal(path) == "another process listens there"
        assert path.exists()


def test_a_process_that_is_too_busy_to_answer_listens_too(path: Path) -> None:
    """Its queue is full, and who wants to connect must wait."""
    with UnixListener(str(path), 0), contextlib.ExitStack() as clients:
        with contextlib.suppress(BlockingIOError):
            while True:
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(path))
        assert refusal(path) == "another process listens there"


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    assert refusal(path) == "another file is in the way"
    assert path.read_text() == "precious"


def test_a_directory_that_is_not_there_is_named(path: Path) -> None:
    assert refusal(path.parent / "missing" / "x.sock") == "no such file or directory"


def test_a_file_that_another_process_put_there_since_is_left_alone(path: Path) -> None:
    """As when a new process starts before the old one has ended."""
    old = UnixListener(str(path), 1)
    path.unlink()
    with UnixListener(str(path), 1):
        old.close()
        assert path.exists()
    assert not path.exists()


def test_an_address_that_cannot_be_had_leaves_no_file_of_the_others(path: Path) -> None:
    taken = path.with_name("taken.sock")
    with UnixListener(str(taken), 1):
        with pytest.raises(ListenError):
            listen([UnixAddress(str(path)), UnixAddress(str(taken))])
        assert not path.exists()
