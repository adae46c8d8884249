"""Fixtures for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.fake_slurmctld import FakeSlurmctld

if TYPE_CHECKING:
    from collections.abc import Iterator


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when told to."""
    return ManualClock()


@pytest.fixture
def slurmctld() -> Iterator[FakeSlurmctld]:
    """A fake slurmctld that runs."""
    with FakeSlurmctld().running() as fake:
        yield fake


# Shared machines stall now and then; how long an example takes is not what these tests are for.
settings.register_profile("slurm_exporter", deadline=None)
settings.load_profile("slurm_exporter")
