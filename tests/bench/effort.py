"""How much to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure.

    Attributes:
        rounds: how often each pair is compared.
        seconds: how long each round of scrapes takes.
        polls: how many polls memory is watched for.
        sizes: the samples of the polls in the picture.
    """

    rounds: int
    seconds: int
    polls: int
    sizes: tuple[int, ...]


FULL = Effort(5, 4, 60, (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000))
"""As the docs show it: a quarter of an hour.  60 polls are an hour's at the default interval."""

QUICK = Effort(3, 1, 20, (1_000, 10_000, 100_000))
"""To see whether a change made a difference."""
