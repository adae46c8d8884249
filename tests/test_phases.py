"""How long the phases of a poll take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.phases import Stopwatch

if TYPE_CHECKING:
    from tests.conftest import ManualClock


def test_each_phase_has_its_own_seconds(clock: ManualClock) -> None:
    """What happens between phases belongs to none."""
    stopwatch = Stopwatch(clock)
    with stopwatch.phase("fetch"):
        clock.advance(2.0)
    clock.advance(5.0)
    with stopwatch.phase("parse"):
        clock.advance(0.5)

    assert stopwatch.seconds == {"fetch": 2.0, "parse": 0.5}


def test_a_phase_that_raises_was_not_completed(clock: ManualClock) -> None:
    """Its seconds would spoil the mean of those that were."""
    stopwatch = Stopwatch(clock)
    with pytest.raises(ZeroDivisionError), stopwatch.phase("fetch"):
        clock.advance(1 / 0)

    assert stopwatch.seconds == {}
