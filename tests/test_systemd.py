"""What systemd hears from us, and the sockets that it passes: with real sockets in its place."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, final

import pytest

from slurm_exporter import systemd
from slurm_exporter.errors import ListenError
from slurm_exporter.systemd import REPORT_INTERVAL, Notifier
from tests.fake_slurmctld import nothing
from tests.processes import FREE_PORT, REPOSITORY, Exporter, settings, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_slurmctld import FakeSlurmctld


@final
class Manager:
    """The end of ``$NOTIFY_SOCKET`` that systemd holds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name.replace("@", "\0"))
        self._socket.settimeout(20.0)

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hear(self) -> list[str]:
        """The lines of the next message."""
        return self._socket.recv(4096).decode().splitlines()

    def hear_until(self, line: str) -> list[str]:
        """All lines up to one."""
        lines: list[str] = []
        while line not in lines:
            lines += self.hear()
        return lines

    def silent(self) -> bool:
        """Whether nothing has come."""
        self._socket.setblocking(False)
        try:
            return not self._socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(20.0)


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """Both kinds of sockets that systemd uses."""
    abstract = f"@slurm_exporter-test-{os.getpid()}-{id(request)}"
    with Manager(abstract if request.param == "abstract" else f"{tmp_path}/notify") as manager:
        yield manager


@pytest.fixture
def notifier(manager: Manager) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": manager.name})


# ------------------------------------------------------------------ what it hears


def test_it_hears_of_the_start_the_reload_and_the_end(manager: Manager, notifier: Notifier) -> None:
    """The moment of a reload lets it tell the READY after it from one before."""
    before = time.monotonic_ns() // 1000
    notifier.ready()
    notifier.reloading()
    notifier.stopping()

    assert manager.hear() == ["READY=1"]
    reloading, moment = manager.hear()
    assert reloading == "RELOADING=1"
    assert before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert manager.hear() == ["STOPPING=1", "STATUS=stopping"]


def test_it_hears_how_we_are_when_that_changes(manager: Manager, notifier: Notifier) -> None:
    for status in ("5 of 5 endpoints up", "5 of 5 endpoints up", "4 of 5 endpoints up"):
        notifier.report(status, well=True)

    assert manager.hear() == ["STATUS=5 of 5 endpoints up", "WATCHDOG=1"]
    assert manager.hear() == ["WATCHDOG=1"]
    assert manager.hear() == ["STATUS=4 of 5 endpoints up", "WATCHDOG=1"]


def test_the_watchdog_goes_hungry_while_we_are_not_well(
    manager: Manager, notifier: Notifier
) -> None:
    notifier.report("thread poller-jobs hangs", well=False)
    assert manager.hear() == ["STATUS=thread poller-jobs hangs"]

    notifier.report("thread poller-jobs hangs", well=False)
    assert manager.silent()


def test_a_manager_that_is_gone_disturbs_nobody(tmp_path: Path) -> None:
    """As after systemd itself was started anew."""
    Notifier({"NOTIFY_SOCKET": f"{tmp_path}/gone"}).ready()


@pytest.mark.parametrize("name", ["", "vsock:2:1234", "notify"])
def test_nobody_is_told_who_cannot_be_reached(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path would be somewhere else, whoever waits there."""
    monkeypatch.chdir(tmp_path)
    with Manager("notify") as manager:
        notifier = Notifier({"NOTIFY_SOCKET": name})
        notifier.ready()
        assert notifier.interval is None
        assert manager.silent()


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, REPORT_INTERVAL),
        ({"WATCHDOG_USEC": "60000000"}, REPORT_INTERVAL),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, REPORT_INTERVAL),
        ({"WATCHDOG_USEC": "soon"}, REPORT_INTERVAL),
    ],
)
def test_reports_are_due_twice_within_the_watchdogs_patience(
    environment: dict[str, str], interval: float
) -> None:
    """Unless it watches another process."""
    assert Notifier({"NOTIFY_SOCKET": "/x", **environment}).interval == interval


# ------------------------------------------------------------------ the whole command


def test_it_follows_a_service_from_start_to_end(
    manager: Manager, tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """Ready only when pages are served; a good and a bad reload; the end."""
    config = settings(slurmctld.url, names=["jobs"])
    environment = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000"}
    with Exporter(tmp_path, config, FREE_PORT, environment=environment) as exporter:
        assert manager.hear() == ["READY=1"]
        assert exporter.get("/metrics").status == 200
        up = f"STATUS=1 of 1 endpoints up, slurmctld at {slurmctld.url}"
        manager.hear_until(up)
        assert manager.hear() == ["WATCHDOG=1"]

        exporter.process.send_signal(signal.SIGHUP)
        manager.hear_until("RELOADING=1")
        assert manager.hear() == ["READY=1"]

        exporter.file.write_text("oops", encoding="utf-8")
        exporter.process.send_signal(signal.SIGHUP)
        manager.hear_until("RELOADING=1")
        assert manager.hear() == ["READY=1"]
        manager.hear_until(f"{up}, the last reload failed, the config before it is in use")

        exporter.end(signal.SIGTERM)
        manager.hear_until("STOPPING=1")
        assert manager.silent()


def test_the_watchdog_is_fed_while_slurm_is_down(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    """Starting us anew would not bring it back."""
    slurmctld.behaviours["/metrics/jobs"] = nothing("503 Service Unavailable")
    config = settings(slurmctld.url, names=["jobs"])
    with Manager(f"{tmp_path}/notify") as manager:
        environment = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000"}
        with Exporter(tmp_path, config, FREE_PORT, environment=environment) as exporter:
            until(lambda: exporter.value("endpoint_up", endpoint="jobs") == 0, "the failure")
            manager.hear_until("WATCHDOG=1")
            assert manager.hear() == ["WATCHDOG=1"]


# ------------------------------------------------------------------ sockets that it passes


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that a ``.socket`` unit listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextlib.contextmanager
def passing(*passed: socket.socket) -> Iterator[dict[str, str]]:
    """Put sockets in a row, as systemd does; give the environment that tells of them."""
    first = 500
    for index, one in enumerate(passed):
        assert fcntl.fcntl(one, fcntl.F_DUPFD, first) == first + index
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(systemd, "_FIRST_DESCRIPTOR", first)
        yield {"LISTEN_FDS": str(len(passed)), "LISTEN_PID": str(os.getpid())}
    for index in range(len(passed)):
        with contextlib.suppress(OSError):
            os.close(first + index)


def test_all_sockets_that_were_passed_are_taken(listener: socket.socket, tmp_path: Path) -> None:
    """Of any family, and no command that we run inherits one."""
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "x.sock"))
        local.listen()
        with passing(listener, local) as environment:
            taken = systemd.sockets(environment)
            assert [one.getsockname() for one in taken] == [
                listener.getsockname(),
                local.getsockname(),
            ]
            assert not any(one.get_inheritable() for one in taken)
            for one in taken:
                one.close()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_sockets_that_were_not_passed_or_not_to_us_are_missed_in_words(
    environment: dict[str, str],
) -> None:
    with pytest.raises(ListenError, match="systemd passed no socket; start slurm_exporter thr"):
        systemd.sockets(environment)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_that_does_not_listen_is_refused_in_words(kind: socket.SocketKind) -> None:
    """A connection that was accepted already, or something that knows no connections."""
    with (
        socket.socket(socket.AF_INET, kind) as passed,
        passing(passed) as environment,
        pytest.raises(ListenError, match=r"500, which does not listen .* Accept=no"),
    ):
        systemd.sockets(environment)


def test_a_descriptor_that_is_not_there_is_refused_in_words() -> None:
    environment = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(systemd, "_FIRST_DESCRIPTOR", 987)
        with pytest.raises(ListenError, match="987, which does not listen for connections"):
            systemd.sockets(environment)


PASS = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "slurm_exporter", *sys.argv[2:]])
"""
"""Passes a descriptor as systemd does."""


def test_a_client_may_come_before_the_exporter(tmp_path: Path, listener: socket.socket) -> None:
    """It waits in the queue of the socket that systemd has opened; the port needs no right."""
    flags = ["--web.systemd-socket", f"--config.file={tmp_path / 'exporter.yml'}"]
    (tmp_path / "exporter.yml").write_text('server: {listen: "127.0.0.1:1"}', encoding="utf-8")
    with socket.create_connection(listener.getsockname(), 20.0) as client:
        client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        process = subprocess.Popen(
            [sys.executable, "-c", PASS, str(listener.fileno()), *flags],
            cwd=REPOSITORY,
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            answer = client.recv(100)
            process.terminate()
            _, log = process.communicate(timeout=20)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"listen=127.0.0.1:{listener.getsockname()[1]} " in log
    assert process.returncode == 0
