"""Nothing leaks: counted in a child process, where no other test has threads or files open."""

from __future__ import annotations

import gc
import itertools
import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from slurm_exporter import log
from slurm_exporter.app import App
from slurm_exporter.config import Address, Config, Logging, Server, Slurm
from tests.fake_slurmctld import FakeSlurmctld
from tests.processes import REPOSITORY, read_logfmt, until

ROUNDS = 5
PROGRAM = "import sys; from tests.test_threads import child; child(sys.argv[1])"

RELOADS = 1000
RELOADING = PROGRAM.replace("child", "reloading_child")
ENDPOINTS = 5


def child(url: str) -> None:
    """Start, use and stop the exporter, and print what was open before and after each time."""
    # The first sight of some things stays open for good; a leak grows with each round.
    run(url)
    counts = [count()]
    for _ in range(ROUNDS):
        run(url)
        counts.append(count())
    sys.stdout.write(json.dumps(counts))


def run(url: str) -> None:
    """The exporter's life, with polls, scrapes, and a reload asked for over HTTP."""
    config = Config(
        slurm=Slurm(urls=(url,)),
        server=Server(listen=(Address("127.0.0.1", 0),), enable_lifecycle=True),
    )
    config = replace(
        config, endpoints=tuple(replace(e, interval=1.0, timeout=1.0) for e in config.endpoints)
    )
    log.set_up(config.logging)
    app = App(config, lambda: config)
    (address,) = app.start()
    until(lambda: b"slurm_nodes " in page(address), "the first polls")
    urlopen(Request(f"http://{address}/-/reload", method="POST"), timeout=10).close()
    for path in ("", "-/healthy", "api/v1/endpoints"):
        page(address, path)
    app.stop()


def reloading_child(url: str) -> None:
    """Reload a thousand times; print what is open after the first few and after the last."""
    configs = variants(url)
    log.set_up(replace(configs[0].logging, level="error"))
    turn = itertools.cycle(configs)
    app = App(next(turn), lambda: replace(next(turn), logging=Logging(level="error")))
    app.start()
    counts = [after_reloads(app, RELOADS // 100), after_reloads(app, RELOADS)]
    sys.stdout.write(json.dumps(counts))
    app.stop()


def variants(url: str) -> list[Config]:
    """Four configs: what changes is one endpoint, the labels, and which endpoints there are."""
    server = Server(listen=(Address("127.0.0.1", 0),))
    jobs, *others = Config().endpoints
    config = Config(slurm=Slurm(urls=(url,)), server=server)
    return [
        config,
        replace(config, endpoints=(replace(jobs, interval=31.0), *others)),
        replace(config, labels=(("cluster", "alpha"),)),
        replace(config, endpoints=(jobs,)),
    ]


def after_reloads(app: App, number: int) -> tuple[list[str], int]:
    """Reload so often, and count once those threads have left that were told to."""
    for _ in range(number):
        app.reload()
    until(lambda: len(poller_threads()) <= ENDPOINTS, "the end of the retired threads")
    # The least of several looks: a poll under way has a file of its own.
    return poller_threads(), min(count()[1] for _ in range(20))


def poller_threads() -> list[str]:
    """The names of the pollers' threads that are alive, sorted."""
    names = (thread.name for thread in threading.enumerate())
    return sorted(name for name in names if name.startswith("poller-"))


def page(address: str, path: str = "metrics") -> bytes:
    """GET one of the exporter's pages."""
    with urlopen(f"http://{address}/{path}", timeout=10) as response:
        return bytes(response.read())


def count() -> tuple[list[str], int]:
    """The threads that are alive, and how many files are open."""
    gc.collect()
    return [thread.name for thread in threading.enumerate()], len(
        [*Path("/proc/self/fd").iterdir()]
    )


@pytest.fixture(scope="module")
def result() -> subprocess.CompletedProcess[str]:
    """What the child wrote, with all of Python's own checks on and warnings as errors."""
    with FakeSlurmctld().running() as fake:
        return subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, fake.url],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def test_no_thread_and_no_file_outlives_a_stop(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 0, result.stderr
    before, *after = json.loads(result.stdout)
    assert before[0] == ["MainThread"]
    assert after == [before] * ROUNDS


def test_a_thousand_reloads_leak_nothing() -> None:
    """Neither threads nor files, whatever they change."""
    with FakeSlurmctld().running() as fake:
        result = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", RELOADING, fake.url],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    # asyncio's debug mode tells how slow the machine is.
    complaints = [line for line in result.stderr.splitlines() if "Executing <" not in line]
    assert (result.returncode, complaints) == (0, [])
    early, late = json.loads(result.stdout)
    names = ("jobs", "jobs-users-accts", "nodes", "partitions", "scheduler")
    assert late[0] == [f"poller-{name}" for name in names]
    assert late == early


def test_python_has_nothing_to_complain_of(result: subprocess.CompletedProcess[str]) -> None:
    """Such as a socket that nobody closed: all that is written is the log."""
    lines = [read_logfmt(line) for line in result.stderr.splitlines()]
    # asyncio's debug mode tells how slow the machine is.
    lines = [line for line in lines if not line["event"].startswith("Executing ")]
    assert {line["level"] for line in lines} == {"info"}
    assert [line["event"] for line in lines].count("exporter.stopped") == ROUNDS + 1
