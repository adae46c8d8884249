"""When to poll."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter import schedule


def test_first_polls_are_spread_and_none_waits_long() -> None:
    """Five endpoints begin one second apart, so that a page is complete soon."""
    assert [schedule.first_offset(i, 5, 30.0) for i in range(5)] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_first_polls_stay_inside_a_short_interval() -> None:
    """An interval of one second leaves a fifth of it between five endpoints."""
    assert schedule.first_offset(4, 5, 1.0) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("duration", "effective"), [(0.0, 30.0), (3.0, 30.0), (3.5, 35.0), (10.0, 100.0)]
)
def test_the_interval_stretches_until_the_duty_cycle_holds(
    duration: float, effective: float
) -> None:
    """At a tenth, a poll of 3.5 s comes every 35 s, whatever the config says."""
    assert schedule.effective_interval(30.0, duration, 0.1) == pytest.approx(effective)


def test_failures_double_the_distance_up_to_a_bound() -> None:
    """The first failure changes nothing: a restart of slurmctld must not make data stale."""
    waits = [schedule.backoff(30.0, failures, 0.0) for failures in range(7)]

    assert waits == [30.0, 30.0, 60.0, 120.0, 120.0, 120.0, 120.0]


def test_backing_off_never_polls_more_often_than_the_interval() -> None:
    """Beyond the bound the interval itself holds, jitter or not."""
    assert schedule.backoff(600.0, 9, 0.99) == 600.0
    assert schedule.backoff(120.0, 9, 0.99) == 120.0
    assert schedule.backoff(60.0, 9, 0.0) == schedule.MAX_BACKOFF
    assert schedule.backoff(60.0, 9, 0.5) == pytest.approx(114.0)
    assert schedule.backoff(1.0, 9, 0.0) == 8.0


@pytest.mark.parametrize(
    ("now", "due", "missed"),
    [(100.0, 110.0, 0), (109.9, 110.0, 0), (110.0, 120.0, 1), (135.0, 140.0, 3), (90.0, 110.0, 0)],
)
def test_polls_keep_to_their_grid_and_missed_ones_are_counted(
    now: float, due: float, missed: int
) -> None:
    """A poll that was due at 100 every 10 s: what comes next, seen from ``now``."""
    assert schedule.next_due(100.0, now, 10.0) == (due, missed)


@given(due=st.floats(0, 1e6), late=st.floats(0, 1e5), interval=st.floats(1.0, 1e4))
def test_the_next_poll_is_never_in_the_past_nor_further_than_an_interval(
    due: float, late: float, interval: float
) -> None:
    """However late it is."""
    following, missed = schedule.next_due(due, due + late, interval)

    assert due + late - 1e-6 <= following <= due + late + interval + 1e-6
    assert missed >= 0
