"""GET with one deadline."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.errors import ConnectError, PollTimeoutError, TooLargeError
from slurm_exporter.sources.http import Client, Response
from tests import fake_slurmctld as fake
from tests.web.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fake_slurmctld import FakeSlurmctld

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nContent-Type: text/plain\r\n\r\n"


def get(url: str, timeout: float, size_limit: int) -> Response:
    return Client().get(url, timeout, size_limit)


def fetch(slurmctld: FakeSlurmctld, timeout: float = 5.0, limit: int = 0) -> bytes:
    return get(f"{slurmctld.url}/metrics/jobs", timeout, limit).body


def test_the_whole_body_comes_back(slurmctld: FakeSlurmctld) -> None:
    """Bytes as slurmctld sent them."""
    response = get(f"{slurmctld.url}/metrics/jobs", 5.0, 0)

    assert (response.status, response.location) == (200, "")
    assert response.body == fake.recorded("jobs")


def test_the_request_says_who_asks_and_never_connection_close(slurmctld: FakeSlurmctld) -> None:
    """With ``Connection: close`` slurmctld 26.05 puts stray bytes behind its answer."""
    fetch(slurmctld)

    headers = {line.split(":")[0].lower(): line for line in slurmctld.headers}
    assert "slurm_exporter/" in headers["user-agent"]
    assert "close" not in headers.get("connection", "")


def test_headers_of_the_config_and_of_the_request_are_sent(slurmctld: FakeSlurmctld) -> None:
    """Beside our own; nothing of them is in the client's repr."""
    client = Client(headers=(("X-Scope", "hunter2"),))

    client.get(f"{slurmctld.url}/metrics/jobs", 5.0, 0, {"Authorization": "Bearer abc"})

    assert {"X-Scope: hunter2", "Authorization: Bearer abc"} <= set(slurmctld.headers)
    assert any(line.startswith("User-Agent: slurm_exporter/") for line in slurmctld.headers)
    assert "hunter2" not in repr(client)


@pytest.mark.parametrize(
    "behaviour",
    [
        fake.hang(),
        fake.drip(HEAD, 0.05),
        fake.drip(HEAD.replace(b"500", b"9") + b"slurm_jobs 1\n" * 40, 0.0501),
    ],
    ids=["silence", "dripping headers", "dripping all"],
)
def test_the_deadline_holds_however_the_bytes_come(
    slurmctld: FakeSlurmctld, behaviour: fake.Behaviour
) -> None:
    """Each single read is in time, their sum is not."""
    slurmctld.behaviours["/metrics/jobs"] = behaviour

    began = time.monotonic()
    with pytest.raises(
        PollTimeoutError, match=r"no complete answer from http\S+/jobs within 0.4 s"
    ):
        fetch(slurmctld, timeout=0.4)
    assert time.monotonic() - began < 2.0


def test_a_dripping_body_does_not_outlast_the_deadline(slurmctld: FakeSlurmctld) -> None:
    """Headers at once, then a byte at a time."""

    def behave(connection: object, stop: object) -> None:
        connection.sendall(HEAD)
        fake.drip(b"x" * 500, 0.05)(connection, stop)

    slurmctld.behaviours["/metrics/jobs"] = behave

    with pytest.raises(PollTimeoutError):
        fetch(slurmctld, timeout=0.4)


def test_nobody_listening_is_said_in_a_few_words(slurmctld: FakeSlurmctld) -> None:
    """The address and the reason, not a library's nested exceptions."""
    slurmctld.stop()

    with pytest.raises(ConnectError, match=r"^127\.0\.0\.1:\d+: connection refused$"):
        fetch(slurmctld)


def test_an_unknown_host_is_said() -> None:
    """Names under .invalid never resolve."""
    with pytest.raises(ConnectError, match=r"^nohost.invalid:6817: cannot resolve the host name$"):
        get("http://nohost.invalid:6817/metrics/jobs", 5.0, 0)


def test_a_slurmctld_without_metrics_closes_without_a_byte(slurmctld: FakeSlurmctld) -> None:
    """Slurm before 25.11 does so on the same port."""
    slurmctld.behaviours["/metrics/jobs"] = fake.close()

    with pytest.raises(ConnectError, match="closed the connection without an answer; slurmctld"):
        fetch(slurmctld)


def test_a_reset_connection_is_said(slurmctld: FakeSlurmctld) -> None:
    """As after a crash of slurmctld; 22.05 does so as well when it is asked for metrics."""
    slurmctld.behaviours["/metrics/jobs"] = fake.reset()

    with pytest.raises(ConnectError, match=r"connection reset by peer, as of slurmctld before 25"):
        fetch(slurmctld)


def test_an_answer_shorter_than_announced_is_a_failure(slurmctld: FakeSlurmctld) -> None:
    """Half a page must not pass for a whole one."""
    slurmctld.behaviours["/metrics/jobs"] = fake.answer(b"slurm_jobs 1\n", length=1000)

    with pytest.raises(ConnectError, match="closed the connection after 13 of 1000 bytes"):
        fetch(slurmctld)


def test_garbage_instead_of_http_is_a_failure(slurmctld: FakeSlurmctld) -> None:
    """Whatever else listens on that port."""

    def behave(connection: object, stop: object) -> None:
        connection.sendall(b"220 mail.example ESMTP\r\n")

    slurmctld.behaviours["/metrics/jobs"] = behave

    with pytest.raises(ConnectError, match="does not speak HTTP; is the port right"):
        fetch(slurmctld)


@contextlib.contextmanager
def one_client(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that treats its first client so; gives its https URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_tls_to_a_server_without_it_is_said() -> None:
    """slurmctld speaks none; who writes https:// means a proxy in front of it."""

    def refuse(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with (
        one_client(refuse) as url,
        pytest.raises(ConnectError, match="does not speak TLS; slurmctld itself wants http://"),
    ):
        get(url, 5.0, 0)


def test_a_certificate_of_a_stranger_is_not_trusted(tmp_path: Path) -> None:
    """The reason is the one that OpenSSL gives."""
    files = Authority(tmp_path, "nobody").issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert_file, files.key_file)

    def offer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client hangs up
            context.wrap_socket(connection, server_side=True).close()

    with (
        one_client(offer) as url,
        pytest.raises(ConnectError, match="its certificate is not trusted: unable to get"),
    ):
        get(url, 5.0, 0)


def test_a_body_over_the_limit_is_given_up(slurmctld: FakeSlurmctld) -> None:
    """The limit counts while streaming; one byte less would have passed."""
    size = len(fake.recorded("jobs"))

    assert len(fetch(slurmctld, limit=size)) == size
    with pytest.raises(TooLargeError, match=f"larger than body_size_limit \\({size - 1} bytes\\)"):
        fetch(slurmctld, limit=size - 1)


def test_a_compressed_body_is_measured_unpacked(slurmctld: FakeSlurmctld) -> None:
    """A reverse proxy may compress, and so may somebody who means harm."""
    bomb = gzip.compress(b"0" * 10_000_000)
    slurmctld.behaviours["/metrics/jobs"] = fake.answer(bomb, headers="Content-Encoding: gzip\r\n")

    assert len(fetch(slurmctld)) == 10_000_000
    with pytest.raises(TooLargeError):
        fetch(slurmctld, limit=1_000_000)


def test_redirects_are_not_followed(slurmctld: FakeSlurmctld) -> None:
    """What they mean is the source's decision."""
    slurmctld.behaviours["/metrics/jobs"] = fake.nothing(
        "303 See Other", f"Location: {slurmctld.url}/metrics/nodes\r\n"
    )

    response = get(f"{slurmctld.url}/metrics/jobs", 5.0, 0)

    assert (response.status, response.body) == (303, b"")
    assert response.location.endswith("/metrics/nodes")
    assert slurmctld.requests == {"/metrics/jobs": 1}


def test_the_second_address_is_used_when_the_first_refuses(
    slurmctld: FakeSlurmctld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Localhost is often ::1 first, where slurmctld does not listen."""
    port = int(slurmctld.url.rpartition(":")[2])
    infos = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **kwargs: infos if host == "ctl" else resolve(host, *args, **kwargs),
    )

    assert get(f"http://ctl:{port}/metrics/jobs", 5.0, 0).body == fake.recorded("jobs")
