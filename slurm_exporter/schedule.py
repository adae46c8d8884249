"""When to poll: pure arithmetic on seconds, without a clock."""

from __future__ import annotations

import math

SPREAD = 5.0
"""Seconds over which the first polls of all endpoints are spread.

Short, because a page is incomplete until each endpoint was polled once; long enough, because
endpoints whose intervals are multiples of each other then never meet again.
"""

MAX_BACKOFF = 120.0
"""Seconds that failures can add up to between two polls, unless the interval itself is longer.

Slurm's documentation advises one query per 60 to 120 seconds; whoever waits for slurmctld's
return should not wait longer than that for the numbers."""

_MAX_DOUBLINGS = 3


def first_offset(index: int, count: int, interval: float) -> float:
    """Return how long after the start endpoint ``index`` of ``count`` is first polled."""
    return index * min(SPREAD, interval) / count


def effective_interval(interval: float, duration: float, max_duty_cycle: float) -> float:
    """Return the interval at which polls that take ``duration`` stay within the duty cycle."""
    return max(interval, duration / max_duty_cycle)


def backoff(interval: float, failures: int, jitter: float) -> float:
    """Return the seconds between polls after so many failures in a row.

    The first failure changes nothing, each further one doubles the distance up to
    ``MAX_BACKOFF``.

    Args:
        interval: seconds between polls when all is well.
        failures: failed polls since the last success.
        jitter: 0 <= jitter < 1; shortens a prolonged distance by up to a tenth, so that many
            exporters do not come back together.
    """
    doublings = min(max(failures - 1, 0), _MAX_DOUBLINGS)
    if not doublings:
        return interval
    return max(interval, min(interval * 2.0**doublings, MAX_BACKOFF) * (1 - jitter / 10))


def next_due(due: float, now: float, interval: float) -> tuple[float, int]:
    """Return the first moment of the grid ``due + k * interval`` after ``now``, k >= 1.

    Returns:
        That moment, and how many moments of the grid were missed on the way.
    """
    steps = max(1, math.floor((now - due) / interval) + 1)
    return due + steps * interval, steps - 1
