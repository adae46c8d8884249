"""Who gives way to whom, and for how long."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from slurm_exporter import courtesy as courtesy_module
from slurm_exporter.courtesy import PATIENCE, Answering, Courtesy

if TYPE_CHECKING:
    from tests.conftest import ManualClock

LONG = 20.0
"""Seconds after which a thread that does not come is a failure."""


class Endless(Answering):
    """An answer that is never finished, and what waiting for it has cost."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.waited = 0.0

    def wait(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self.waited += seconds


@pytest.fixture
def endless(clock: ManualClock) -> Endless:
    return Endless(clock)


@pytest.fixture
def courtesy(endless: Endless, clock: ManualClock) -> Courtesy:
    return Courtesy(endless, clock)


def test_an_answer_is_under_way_within_the_block_whatever_happens_there() -> None:
    """One that crashes must not hold up the others' work for ever."""
    answering = Answering()
    seen = [answering.under_way()]
    with contextlib.suppress(ZeroDivisionError), answering:
        seen.append(answering.under_way())
        seen.append(1 / 0)

    assert [*seen, answering.under_way()] == [False, True, False]


def test_work_goes_on_as_soon_as_the_answer_is_written(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answered wakes whoever gave way."""
    monkeypatch.setattr(courtesy_module, "PATIENCE", LONG)
    answering = Answering()
    courtesy = Courtesy(answering, clock)
    clock.advance(LONG)
    worker = threading.Thread(target=courtesy.give_way)
    with answering:
        worker.start()
    worker.join(LONG / 2)

    assert not worker.is_alive()


def test_nobody_waits_while_nobody_is_answered(
    courtesy: Courtesy, endless: Endless, clock: ManualClock
) -> None:
    """Polls are as fast as ever then."""
    clock.advance(1.0)
    courtesy.give_way()

    assert endless.waited == 0.0


def test_a_wait_is_no_longer_than_the_work_before_it(
    courtesy: Courtesy, endless: Endless, clock: ManualClock
) -> None:
    """Who has not worked yet works first."""
    with endless:
        courtesy.give_way()
        assert endless.waited == 0.0
        clock.advance(0.01)
        courtesy.give_way()
        courtesy.give_way()

    assert endless.waited == pytest.approx(0.01)


def test_answers_without_end_make_work_twice_as_long_and_not_longer(
    courtesy: Courtesy, endless: Endless, clock: ManualClock
) -> None:
    """Clients must not be able to keep a poll from its end."""
    with endless:
        for _ in range(1000):
            clock.advance(0.001)
            courtesy.give_way()

    assert endless.waited == pytest.approx(1.0)


def test_long_work_does_not_entitle_anybody_to_a_long_wait(
    courtesy: Courtesy, endless: Endless, clock: ManualClock
) -> None:
    """Nor does the time between two polls."""
    clock.advance(3600.0)
    with endless:
        courtesy.give_way()

    assert endless.waited == PATIENCE
