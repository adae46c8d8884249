"""Fixtures for all tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from slurm_exporter.courtesy import Answering
from tests.fake_slurmctld import FakeSlurmctld
from tests.leaks import leaked

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Turns(Answering):
    """Notes how often courteous work has asked whether somebody wants its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def under_way(self) -> bool:
        self.count += 1
        return super().under_way()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when told to."""
    return ManualClock()


@pytest.fixture
def slurmctld() -> Iterator[FakeSlurmctld]:
    """A fake slurmctld that runs."""
    with FakeSlurmctld().running() as fake:
        yield fake


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Take back what a test has set up for logs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that left a secret of any test in what it printed or logged."""
    report = yield
    said = "".join(text for _, text in report.sections)
    if report.passed and leaked(said.encode("utf-8", "surrogateescape")):
        report.outcome, report.longrepr = "failed", "a secret is in what this test wrote"
    return report


# Shared machines stall now and then; how long an example takes is not what these tests are for.
settings.register_profile("slurm_exporter", deadline=None)
settings.load_profile("slurm_exporter")
