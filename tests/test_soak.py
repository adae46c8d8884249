"""A day of polls and scrapes in minutes: threads, files and memory stay as they were.

The exporter is a process of its own whose polls come a thousand times as often.  Each hour its
config changes and slurmctld fails in some way; clients of all kinds come, and some vanish.  The
day has fewer polls in the usual tests, and all of them in ``tox -e soak``.  Time is counted in
polls, so that a slow machine only takes longer.
"""

from __future__ import annotations

import gzip
import http.client
import os
import random
import signal
import socket
import struct
import sys
import threading
from collections import Counter
from dataclasses import dataclass, replace
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import pytest

from slurm_exporter import cli, flags
from slurm_exporter.config import DEFAULT_ENDPOINTS, load
from slurm_exporter.web import server
from tests import fake_slurmctld as fake
from tests.fake_slurmctld import NAMES, FakeSlurmctld, recorded
from tests.processes import FREE_PORT, Exporter, Response, get, read_samples, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slurm_exporter.config import Config

HASTE = 1000
HOURS = 24
WARM_UP = 6
"""Hours after which all has happened that happens each hour, and the allocator has its pages."""

DAY = sum(round(86_400 / endpoint.interval) for endpoint in DEFAULT_ENDPOINTS)
POLLS = DAY if os.environ.get("SLURM_EXPORTER_TESTS_SOAK") == "day" else DAY // 6
"""How many polls the day has."""

FAILED_POLLS = 10
"""How many of them fail each hour."""

GROWTH = 1.05
"""What memory may grow by: how the allocator uses its pages is not quite the same each time."""

PROGRAM = "from tests.test_soak import child; child()"


def child() -> None:
    """Run the command, with polls and looks at its files that come more often than they can."""
    server._TICK /= HASTE
    flags.load = lambda path: hastened(load(path))
    cli.entry()


def hastened(config: Config) -> Config:
    """Shorten all intervals, and leave the timeouts as they are."""
    endpoints = (replace(one, interval=one.interval / HASTE) for one in config.endpoints)
    return replace(config, endpoints=tuple(endpoints))


def settings(url: str, hour: int) -> dict[str, Any]:
    """Another config each hour: other labels, and now and then one endpoint less."""
    names = NAMES if hour % 3 else NAMES[:-1]
    return {
        "slurm": {"url": url, "max_duty_cycle": 1},
        "endpoints": [{"name": name} for name in names],
        "labels": {"cluster": f"cluster{hour % 2}"},
    }


# ------------------------------------------------------------------ slurmctld


def living(name: str) -> fake.Behaviour:
    """Answer with numbers that change, but for each third time."""
    body, turns = recorded(name), count()

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        turn = next(turns)
        number = b" %d\n" % (turn - turn % 3)
        fake.answer(body.replace(b" 0\n", number, 1 + turn % 50))(connection, stop)

    return behave


WAYS_TO_FAIL = (
    fake.nothing("500 Internal Server Error"),
    fake.answer(b"<html>"),
    fake.close(),
    fake.answer(b"slurm_jobs 1\n", length=1000),
    fake.reset(),
    fake.nothing(),
)


def polls(slurmctld: FakeSlurmctld, number: int) -> None:
    """Wait for so many polls."""
    target = slurmctld.requests.total() + number
    until(lambda: slurmctld.requests.total() >= target, f"{number} polls", seconds=300)


def an_hour(exporter: Exporter, slurmctld: FakeSlurmctld, hour: int) -> None:
    """Load another config, fail some polls, and go on."""
    well = {f"/metrics/{name}": living(name) for name in NAMES}
    exporter.configure(settings(slurmctld.url, hour))
    exporter.process.send_signal(signal.SIGHUP)
    slurmctld.behaviours.update(dict.fromkeys(well, WAYS_TO_FAIL[hour % len(WAYS_TO_FAIL)]))
    polls(slurmctld, FAILED_POLLS)
    slurmctld.behaviours.update(well)
    polls(slurmctld, POLLS // HOURS - FAILED_POLLS)


# ------------------------------------------------------------------ clients

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@final
class Clients:
    """Threads that scrape in every format, look at every page, or go away in the middle."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.vanished = 0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> None:
        self._stop.clear()
        kinds = [self._scrape] * 3 + [self._keep_alive, self._vanish]
        self._threads = [threading.Thread(target=self._repeat, args=(kind(),)) for kind in kinds]
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, visits: Iterator[None]) -> None:
        while not self._stop.wait(0.01):
            next(visits)
        visits.close()

    def _scrape(self) -> Iterator[None]:
        """Come anew each time, for a page in the next format and encoding."""
        accepts = ("text/plain; version=0.0.4", OPENMETRICS)
        wishes = [(accept, encoding) for accept in accepts for encoding in ("gzip", "identity")]
        for accept, encoding in cycle(wishes):
            answer = get(self.port, "/metrics", Accept=accept, **{"Accept-Encoding": encoding})
            text = gzip.decompress(answer.body) if encoding == "gzip" else answer.body
            whole = b"\nslurm_exporter_build_info{" in text
            whole = whole and text.endswith(b"# EOF\n") == (accept == OPENMETRICS)
            self.statuses["/metrics", answer.status if whole else -1] += 1
            yield

    def _keep_alive(self) -> Iterator[None]:
        """Ask for one page after the other over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            for path in cycle(("/", "/api/v1/endpoints", "/-/healthy", "/metrics?collect[]=jobs")):
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                self.statuses[path, answer.status] += 1
                yield
        finally:
            connection.close()

    def _vanish(self) -> Iterator[None]:
        """Say some of a request, and hang up or break the line without reading an answer."""
        request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
        chance = random.Random(3)
        while True:
            with socket.create_connection(("127.0.0.1", self.port), 60) as client:
                client.sendall(request[: chance.randrange(2 * len(request))])
                rudely = struct.pack("ii", chance.random() < 0.5, 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, rudely)
            self.vanished += 1
            yield


# ------------------------------------------------------------------ the day


@dataclass(frozen=True)
class Use:
    """What a process uses: threads, open files, and resident memory in kB."""

    threads: int
    files: int
    memory: int


def use(pid: int) -> Use:
    """What it uses now; polls under way have files of their own."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    files = len([*(process / "fd").iterdir()])
    return Use(int(status["Threads"]), files, int(status["VmRSS"].split()[0]))


def at_rest(pid: int) -> Use:
    """The least of many looks, without clients: between polls, and after what they left."""
    looks: list[Use] = []
    until(lambda: looks.append(use(pid)) or len(looks) == 200, "many looks")
    return Use(*(min(getattr(look, name) for look in looks) for name in Use.__annotations__))


@dataclass(frozen=True)
class Day:
    """What happened, and what the exporter used after the warm-up and at the end."""

    clients: Clients
    page: Response
    log: list[dict[str, str]]
    before: Use
    after: Use


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """The day, from midnight to midnight."""
    command = (sys.executable, "-c", PROGRAM)
    directory = tmp_path_factory.mktemp("soak")
    with FakeSlurmctld().running() as slurmctld, pytest.MonkeyPatch.context() as patch:
        # What coverage notes in the child grows all day.
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        # With an arena for each thread, memory also tells which of them happened to free what.
        patch.setenv("MALLOC_ARENA_MAX", "1")
        first = settings(slurmctld.url, 0)
        with Exporter(directory, first, FREE_PORT, command=command) as exporter:
            clients = Clients(exporter.port)
            with clients:
                for hour in range(WARM_UP):
                    an_hour(exporter, slurmctld, hour)
            before = at_rest(exporter.process.pid)
            with clients:
                for hour in range(WARM_UP, HOURS):
                    an_hour(exporter, slurmctld, hour)
            after = at_rest(exporter.process.pid)
            yield Day(clients, exporter.get(), exporter.log(), before, after)


def test_no_thread_and_no_file_is_left_by_a_day(day: Day) -> None:
    assert (day.after.threads, day.after.files) == (day.before.threads, day.before.files)


def test_memory_stays_as_it_was_in_the_morning(day: Day) -> None:
    assert day.after.memory <= GROWTH * day.before.memory


def test_every_client_that_stayed_was_answered(day: Day) -> None:
    """Whole, in the format it asked for, while slurmctld failed and configs changed too."""
    assert {key: n for key, n in day.clients.statuses.items() if key[1] != 200} == {}
    assert min(day.clients.statuses.values()) > HOURS
    assert day.clients.vanished > HOURS


def test_the_day_had_its_polls_its_failures_and_its_reloads(day: Day) -> None:
    samples = read_samples(day.page.text)
    failures = {dict(key[1])["reason"] for key, value in samples.items() if value and failed(key)}
    events = Counter(line["event"] for line in day.log)

    assert {"connect", "empty", "http_status", "parse"} <= failures
    assert "internal" not in failures
    assert events["config.reloaded"] == HOURS
    assert {line["level"] for line in day.log} <= {"info", "warning"}


def failed(series: tuple[str, frozenset[tuple[str, str]]]) -> bool:
    return series[0] == "slurm_exporter_poll_failures_total"
