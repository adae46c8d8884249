"""How long the phases of a poll take, wherever in the house they happen."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PHASES = ("fetch", "parse", "render", "compress")
"""What a poll does, in this order; an answer that is known needs no more than the first."""


class Stopwatch:
    """Times the phases of one poll.

    Attributes:
        seconds: how long each completed phase took, by its name in ``PHASES``.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds: dict[str, float] = {}
        self._monotonic = monotonic

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a with block; one that raises was not completed and leaves nothing.

        A phase that comes in pieces takes the sum of their times.
        """
        began = self._monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self._monotonic() - began
