"""Who gives way to whom, and for how long."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from slurm_exporter import courtesy as courtesy_module
from slurm_exporter.courtesy import (
    PATIENCE,
    Answering,
    Courtesy,
    Paced,
    courteous,
    give_way,
    paced,
)
from tests.conftest import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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


def test_a_thread_is_courteous_within_the_block_only() -> None:
    """Also when its work fails there."""
    turns = Turns()
    give_way()
    with contextlib.suppress(ZeroDivisionError), courteous(turns):
        give_way()
        1 / 0  # noqa: B018
    give_way()

    assert turns.count == 1


def test_one_thread_is_not_courteous_for_another() -> None:
    turns = Turns()
    with courteous(turns):
        other = threading.Thread(target=give_way)
        other.start()
        other.join()

    assert turns.count == 0


@pytest.mark.parametrize("through", [paced, Paced])
def test_whoever_goes_through_many_items_gives_way_now_and_then(
    through: Callable[[Iterable[int]], Iterable[int]],
) -> None:
    """Each time that it goes through them, and they are all there and in order."""
    turns = Turns()
    with courteous(turns):
        assert list(through(range(1000))) == [*range(1000)]
        assert list(through(())) == []

    assert 1000 / 100 < turns.count < 1000 / 10


def test_paced_items_are_a_sequence_like_any_other() -> None:
    items = Paced("abc")

    assert (len(items), items[1], items == ("a", "b", "c")) == (3, "b", True)
