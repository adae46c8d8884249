"""How scrapes with a known password fare while others guess one."""

from __future__ import annotations

import base64
import contextlib
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bcrypt

from tests.bench import workload
from tests.bench.latency import latencies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort

RATE = 100
"""Wrong passwords a second."""

COST = 10
"""Of the bcrypt hash: what ``htpasswd`` and most guides take."""

PASSWORD = "correct-horse-battery"

_GUESSER = """
import base64, collections, http.client, itertools, sys, threading, time
port, rate = int(sys.argv[1]), float(sys.argv[2])
numbers, codes, begin = itertools.count(), collections.Counter(), time.monotonic()
def guess():
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while True:
        number = next(numbers)
        time.sleep(max(0, begin + number / rate - time.monotonic()))
        token = base64.b64encode(b"prometheus:guess-%d" % number).decode()
        connection.request("GET", "/metrics", headers={"Authorization": "Basic " + token})
        answer = connection.getresponse()
        answer.read()
        codes[answer.status] += 1
for _ in range(16):
    threading.Thread(target=guess, daemon=True).start()
print("guessing", flush=True)
sys.stdin.read()
print(*(f"{code}={number}" for code, number in sorted(codes.items())), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Guesses:
    """Milliseconds of scrapes beside so many wrong passwords a second."""

    rate: int
    median: float
    p99: float

    @classmethod
    def of(cls, rate: int, found: list[float]) -> Guesses:
        """Sum up the latencies."""
        return cls(rate, statistics.median(found), statistics.quantiles(found, n=100)[-1])


def authorization() -> dict[str, str]:
    """The header of who knows the password."""
    token = base64.b64encode(f"prometheus:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def users() -> dict[str, str]:
    """The users of a web configuration file."""
    return {"prometheus": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()}


@contextlib.contextmanager
def guessing(port: int) -> Iterator[dict[int, int]]:
    """Guess from a process of its own; in the end, what was answered, by code."""
    command = (sys.executable, "-c", _GUESSER, str(port), str(RATE))
    codes: dict[int, int] = {}
    with workload.process(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        yield codes
        said, _ = child.communicate(timeout=20)
        codes |= {int(code): int(n) for code, n in (p.split("=") for p in said.decode().split())}


def scrapes(port: int, seconds: float, rate: int) -> list[float]:
    """How many milliseconds scrapes take, with guesses beside them or without."""
    with guessing(port) if rate else contextlib.nullcontext():
        return latencies(port, seconds, **authorization())


def guesses(effort: Effort) -> list[Guesses]:
    """Scrapes of a small page, with a bcrypt password, in turn without guesses and beside them."""
    found: dict[int, list[float]] = {0: [], RATE: []}
    with (
        workload.slurmctld(workload.answer(1_000)) as slurmctld,
        workload.exporter(slurmctld, users=users()) as (port, _),
    ):
        for rate in [*found] * effort.rounds:
            found[rate] += scrapes(port, effort.seconds, rate)
    return [Guesses.of(rate, values) for rate, values in found.items()]
