"""Through a proxy of the environment, if the config says so."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import TlsConfig
from slurm_exporter.errors import ConnectError, PollTimeoutError
from slurm_exporter.sources.http import Client
from tests import fake_slurmctld as fake
from tests.fake_slurmctld import FakeSlurmctld
from tests.web.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAR = "http://ctl1.invalid:6817/metrics/jobs"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlurmctld]:
    """A proxy that the environment names; it is asked for whole URLs."""
    with FakeSlurmctld().running() as proxy:
        proxy.behaviours = {FAR: fake.answer(fake.recorded("jobs"))}
        for variable in ("http_proxy", "https_proxy"):
            monkeypatch.delenv(variable.upper(), raising=False)
            monkeypatch.setenv(variable, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield proxy


def through(url: str, timeout: float = 5.0, tls: TlsConfig | None = None) -> bytes:
    return Client(tls, proxy_from_environment=True).get(url, timeout, 0).body


def tunnel(target: str) -> fake.Behaviour:
    """Be a proxy for TLS: connect, say so, and carry bytes both ways."""
    host, port = target.split(":")

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        with socket.create_connection((host, int(port)), 5) as far:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=carry, args=(far, connection))
            back.start()
            carry(connection, far)
            back.join()

    return behave


def test_it_is_not_used_unless_the_config_says_so(
    slurmctld: FakeSlurmctld, proxy: FakeSlurmctld
) -> None:
    """A head node's proxy for the web is not the way to slurmctld."""
    body = Client().get(f"{slurmctld.url}/metrics/jobs", 5.0, 0).body

    assert body == fake.recorded("jobs")
    assert not proxy.requests


def test_it_is_used_if_the_config_says_so(proxy: FakeSlurmctld) -> None:
    """It resolves the name, too."""
    assert through(FAR) == fake.recorded("jobs")


def test_its_exceptions_hold(
    slurmctld: FakeSlurmctld, proxy: FakeSlurmctld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everywhere else."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    assert through(f"{slurmctld.url}/metrics/jobs") == fake.recorded("jobs")
    assert not proxy.requests


def test_tls_goes_through_it_to_the_server(proxy: FakeSlurmctld, tmp_path: Path) -> None:
    """The certificate is the server's, for the name of the URL."""
    authority = Authority(tmp_path, "ours")
    files = authority.issue("server")
    secured = FakeSlurmctld()
    secured.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.tls.load_cert_chain(files.cert_file, files.key_file)
    trusted = TlsConfig(ca_file=str(authority.file))
    with secured.running():
        target = secured.url.removeprefix("https://")
        proxy.behaviours[target] = tunnel(target)

        assert through(f"{secured.url}/metrics/jobs", tls=trusted) == fake.recorded("jobs")
        assert (proxy.requests[target], secured.requests["/metrics/jobs"]) == (1, 1)


@pytest.mark.parametrize("url", [FAR, "https://ctl1.invalid/metrics/jobs"])
def test_the_deadline_holds_through_it(proxy: FakeSlurmctld, url: str) -> None:
    """Whether it hangs over the answer or over the way there."""
    proxy.behaviours = {
        FAR: fake.drip(b"HTTP/1.1 200 OK\r\n", 0.05),
        "ctl1.invalid:443": fake.hang(),
    }

    began = time.monotonic()
    with pytest.raises(PollTimeoutError):
        through(url, timeout=0.4)
    assert time.monotonic() - began < 2.0


def test_one_that_is_down_is_told_from_a_server_that_is_down(proxy: FakeSlurmctld) -> None:
    """The address is the server's: the proxy's may hold a password."""
    proxy.stop()

    with pytest.raises(
        ConnectError, match=r"^the proxy for ctl1\.invalid:6817: connection refused$"
    ):
        through(FAR)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("http://admin:hunter2@[::1/", "the URL of the environment's proxy is none"),
        ("http://admin:hunter2@127.0.0.1:1", "connection refused"),
        ("socks5://admin:hunter2@127.0.0.1:1", "is no http:// or https:// one"),
        ("http://", "proxy"),
    ],
)
def test_its_password_is_never_shown(
    proxy: FakeSlurmctld, monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    """Whatever is wrong with it."""
    monkeypatch.setenv("http_proxy", value)

    with pytest.raises(ConnectError, match=words) as caught:
        through(FAR)
    assert "hunter2" not in str(caught.value)


def test_its_password_reaches_it(proxy: FakeSlurmctld, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a .netrc or the like is not looked at."""
    monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://admin:hunter2@"))

    assert through(FAR)
    assert "Proxy-Authorization: Basic YWRtaW46aHVudGVyMg==" in proxy.headers
    assert not any(line.startswith("Authorization") for line in proxy.headers)
