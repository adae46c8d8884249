"""The page: the snapshots' ready parts, and after them what we say about ourselves.

Nothing here touches Slurm.  A page is made of one view of the store and one moment, so its ages
belong together; our own part comes last because it is the only one that is rendered and
compressed for each page, and because OpenMetrics' end mark is its last line.

A page is a row of pieces, not one string: the snapshots' parts are in it as they are, so many
clients that take their time hold little more than one copy of them.  It holds for a moment:
scrapes that come within ``LIFETIME`` of each other, with no poll in between, get the same one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from cachetools import TTLCache

from slurm_exporter.exposition import Format, join, pack, render_client
from slurm_exporter.metrics import PREFIX, endpoint_families

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from prometheus_client.registry import Collector

    from slurm_exporter.snapshot import SnapshotStore, View


LIFETIME = 0.1
"""Seconds for which a page is still of this moment.

A page of our own metrics costs some milliseconds, whoever asks how often.
"""

_KEPT_PAGES = 8

Pieces = tuple[bytes, ...]
"""The bytes of a page, in their order."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A page, with what it was made of."""

    view: View
    pieces: Pieces


class Page:
    """Makes the pages that scrapes get.  Safe from any thread."""

    def __init__(
        self,
        store: SnapshotStore,
        *,
        labels: tuple[tuple[str, str], ...] = (),
        collectors: Iterable[Collector] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tie a page to its store.

        Args:
            store: where the snapshots are.
            labels: global labels for our own metrics; the parts have theirs already.
            collectors: what else belongs on the page, such as the process' own metrics.
            monotonic: the clock that ages are measured with.
        """
        self._store = store
        self._labels = labels
        self._collectors = tuple(collectors)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: TTLCache[tuple[Format, bool, frozenset[str] | None], _Kept] = TTLCache(
            _KEPT_PAGES, LIFETIME, monotonic
        )

    def make(self, fmt: Format, *, gzip: bool, only: Collection[str] | None = None) -> Pieces:
        """Make a page of this moment.

        Args:
            fmt: the text format.
            gzip: whether to return one gzip member instead of plain text.
            only: the names of the endpoints that belong on it; None means all.
        """
        key = (fmt, gzip, None if only is None else frozenset(only))
        now, view = self._monotonic(), self._store.view()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept.view is view:
            return kept.pieces
        pieces = self._made(view, now, *key)
        with self._lock:
            self._kept[key] = _Kept(view, pieces)
        return pieces

    def _made(
        self, view: View, now: float, fmt: Format, gzip: bool, only: frozenset[str] | None
    ) -> Pieces:
        if only is not None:
            view = tuple(endpoint for endpoint in view if endpoint.endpoint.name in only)
        parts = [served.parts[fmt] for endpoint in view if (served := endpoint.served(now))]
        own = self._own(view, now, fmt)
        if gzip:
            return join([*parts, pack(own)])
        return (*(chunk for part in parts for chunk in part.chunks), own)

    def _own(self, view: View, now: float, fmt: Format) -> bytes:
        others = (family for collector in self._collectors for family in collector.collect())
        families = chain(endpoint_families(view, now), others)
        return render_client(families, PREFIX, self._labels, fmt)
