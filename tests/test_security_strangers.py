"""Strangers who dawdle or guess do not keep Prometheus from its scrape."""

from __future__ import annotations

import contextlib
import http.client
import socket
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, final

import pytest

from slurm_exporter import cli
from slurm_exporter.web import connection
from tests.bench import guesses
from tests.fake_slurmctld import answer
from tests.locked import put_web_config
from tests.processes import FREE_PORT, Exporter, settings, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_slurmctld import FakeSlurmctld

DAWDLERS = 500
PATIENCE = 8.0
SCRAPING = 3.0
"""Seconds of scrapes that are compared, which is less than the exporter's patience."""

DELAY = 1.0
"""Seconds by which nobody is delayed, however loaded the machine of the tests."""

PROGRAM = (sys.executable, "-c", "from tests.test_security_strangers import child; child()")
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def child() -> None:
    """Run the command with less patience, so that its end can be waited for."""
    connection.PATIENCE = PATIENCE
    cli.entry()


def scrapes(port: int, seconds: float, **headers: str) -> list[float]:
    """How many seconds scrapes take, each on a connection of its own; all are answered."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        client.request("GET", "/metrics", headers={"Accept-Encoding": "gzip", **headers})
        response = client.getresponse()
        response.read()
        client.close()
        found.append(time.perf_counter() - began)
        assert response.status == 200
    return found


def shown(what: str, seconds: list[float]) -> str:
    """The median and the 99th percentile, for who reads the output of the tests."""
    p99 = statistics.quantiles(seconds, n=100)[-1]
    return f"{what}: median {1000 * statistics.median(seconds):.1f} ms, p99 {1000 * p99:.1f} ms"


def most(seconds: list[float]) -> float:
    """What nine scrapes of ten stay below; the tenth may meet hundreds that ask at one moment."""
    return statistics.quantiles(seconds, n=10)[-1]


def tell(*lines: str) -> None:
    """Print the figures, which ``pytest -rP`` shows."""
    print(*lines, sep="\n")  # noqa: T201


# ------------------------------------------------------------------ those who dawdle


@final
class Dawdlers:
    """Clients that send a byte a second, or ask and then read nothing."""

    def __init__(self, port: int) -> None:
        self._stop = threading.Event()
        self._speaking = [self._connect(port) for _ in range(DAWDLERS // 2)]
        self._deaf = [self._connect(port) for _ in range(DAWDLERS // 2)]
        for client in self._deaf:
            client.sendall(REQUEST * 2)
        self._thread = threading.Thread(target=self._drip)

    @staticmethod
    def _connect(port: int) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        return client

    def __enter__(self) -> Dawdlers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for client in (*self._speaking, *self._deaf):
            client.close()

    def _drip(self) -> None:
        for byte in REQUEST:
            for client in self._speaking:
                with contextlib.suppress(OSError):
                    client.sendall(bytes([byte]))
            if self._stop.wait(1.0):  # a byte a second is what they do
                return


def files(exporter: Exporter) -> int:
    """How many files and sockets the process has open."""
    return len([*Path(f"/proc/{exporter.process.pid}/fd").iterdir()])


@pytest.fixture
def exporter(tmp_path: Path, slurmctld: FakeSlurmctld) -> Iterator[Exporter]:
    """An exporter with a page of a megabyte, which it had no reason to poll again."""
    rows = "".join(f'slurm_user_jobs{{username="user{number}"}} 1\n' for number in range(20_000))
    text = f"# HELP slurm_user_jobs Jobs\n# TYPE slurm_user_jobs gauge\n{rows}"
    slurmctld.behaviours["/metrics/jobs-users-accts"] = answer(text.encode())
    config = settings(slurmctld.url, names=["jobs-users-accts"], interval="10m", timeout="1m")
    with Exporter(tmp_path, config, FREE_PORT, command=PROGRAM) as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "the page")
        yield exporter


def test_five_hundred_clients_that_dawdle_delay_nobody_and_are_let_go(exporter: Exporter) -> None:
    """Half of them send a byte a second, half ask for a large page and take none of it."""
    alone, before = scrapes(exporter.port, SCRAPING), files(exporter)
    with Dawdlers(exporter.port):
        beside = scrapes(exporter.port, SCRAPING)
        there = files(exporter) - before
        until(lambda: files(exporter) <= before, "the end of the exporter's patience")
    tell(shown("alone", alone), shown(f"beside {there} that dawdle", beside))
    assert there >= DAWDLERS // 2
    assert most(beside) < most(alone) + DELAY
    assert exporter.log(level="error") == []


# ------------------------------------------------------------------ those who guess


def test_a_hundred_wrong_passwords_a_second_delay_no_known_client(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """They come from the same address, and each would cost a tenth of a second of a core."""
    flag = put_web_config(tmp_path / "web.yml", basic_auth_users=guesses.users())
    with Exporter(tmp_path, settings(slurmctld.url), FREE_PORT, flag) as exporter:
        known = guesses.authorization()
        until(lambda: exporter.get("/-/ready", **known).status == 200, "all endpoints")
        alone = scrapes(exporter.port, SCRAPING, **known)
        with guesses.guessing(exporter.port) as codes:
            beside = scrapes(exporter.port, SCRAPING, **known)
    tell(shown("alone", alone), shown(f"beside {codes}", beside))
    assert set(codes) == {401, 429}
    assert sum(codes.values()) > SCRAPING * guesses.RATE / 2
    assert most(beside) < most(alone) + DELAY
