"""Which of several controllers is in charge: found once, remembered for all endpoints."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_BACK = 60.0
"""Seconds between two looks at whether the first controller is back."""


class Controllers:
    """The controllers of one cluster, in the order of the config, and which one answers.

    Safe from any thread; nothing is waited for under its lock.
    """

    def __init__(
        self, urls: tuple[str, ...], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.urls = urls
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last: str | None = None
        self._answering = False
        self._look_back = 0.0
        self._failovers = 0

    def turns(self) -> list[str]:
        """Return whom to ask, in this order: the one that answered last, then the others."""
        with self._lock:
            last = self._last
        return sorted(self.urls, key=lambda url: url != last)

    def missed(self) -> str | None:
        """Return the first controller, if another one answers and it is time to look for it.

        Each time has one caller, so that several threads do not look at once.
        """
        first, now = self.urls[0], self._monotonic()
        with self._lock:
            if self._last in {None, first} or now < self._look_back:
                return None
            self._look_back = now + LOOK_BACK
        return first

    def answered(self, url: str) -> None:
        """Remember who answered."""
        with self._lock:
            if self._last not in {None, url}:
                self._failovers += 1
            if self._last != url:
                self._look_back = self._monotonic() + LOOK_BACK
            self._last, self._answering = url, True

    def none_answered(self) -> None:
        """Remember that a poll had no answer from any of them."""
        with self._lock:
            self._answering = False

    def active(self) -> dict[str, bool]:
        """Return for each controller whether the last poll had its answer from it."""
        with self._lock:
            answering = self._last if self._answering else None
        return {url: url == answering for url in self.urls}

    @property
    def failovers(self) -> int:
        """How often another controller answered than before."""
        return self._failovers
