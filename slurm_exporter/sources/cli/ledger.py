"""What was counted of jobs that have ended, and how far: each counts once, however often seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slurm_exporter.sources.cli.families.history import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slurm_exporter.config import History
    from slurm_exporter.sources.cli.families.history import Key, Totals
    from slurm_exporter.sources.cli.records import Ended

VERSION = 1
"""Of the form in which a ledger is kept."""


@dataclass(slots=True)
class Ledger:
    """What was counted so far.  Used by one thread at a time.

    All times are unix times of whole seconds.

    Attributes:
        asked: what was wanted, as the config said it.
        by: likewise.
        since: what ended before does not count.
        settled: what ended before has been counted and is not asked for again.
        until: what ended before has been counted, as far as slurmdbd knew of it.
        totals: the sums.
        seen: the runs that have been counted and may be told again, with when they ended.
    """

    asked: str
    by: tuple[str, ...]
    since: int
    settled: int
    until: int
    totals: Totals = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)

    @classmethod
    def begun(cls, history: History, since: int) -> Ledger:
        """Return an empty one."""
        return cls(history.since, history.by, since, since, since)

    def answers(self, history: History) -> bool:
        """Return whether it holds what the config wants."""
        return (self.asked, self.by) == (history.since, history.by)

    def is_ahead(self, now: int) -> bool:
        """Return whether what is settled has not yet ended, as far as the clock can be believed.

        One that is even before the begin is wrong for sure, and there is nothing to count.
        """
        return self.since <= now < self.settled

    def follow(self, now: int) -> None:
        """Count from ``now`` on, after the clock was put back.

        Not from a little before, as usual: the runs that ended there are no longer remembered.
        """
        self.settled = self.until = now

    def add(self, runs: Iterable[Ended], begin: int, end: int, settled: int) -> None:
        """Count those of the runs that were not counted yet.

        Args:
            runs: all that ended from ``begin`` to ``end``, both included.
            begin: see ``runs``.
            end: see ``runs``.
            settled: slurmdbd may still learn of what ended later than this.
        """
        for one in runs:
            ended = _within(one.ended, begin, end)
            # An older slurmdbd may know how a run ended before it knows where: it is told again.
            whole = one.partition or ended < settled
            if whole and one.id not in self.seen:
                count(self.totals, one, self.by)
                self.seen[one.id] = ended
        self.until = end
        # It does not go back: what was forgotten must not be told again.
        self.settled = max(self.settled, min(end, settled))
        self.seen = {run: ended for run, ended in self.seen.items() if ended >= self.settled}

    # -------------------------------------------------------------- to a file and back

    def state(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        return {
            "version": VERSION,
            "asked": self.asked,
            "by": list(self.by),
            "since": self.since,
            "settled": self.settled,
            "until": self.until,
            "totals": {
                kind: [[*key, dict(counts)] for key, counts in sums.items()]
                for kind, sums in self.totals.items()
            },
            "seen": [[run, ended] for run, ended in self.seen.items()],
        }

    @classmethod
    def restored(cls, state: Any) -> Ledger:
        """Return the ledger whose ``state`` this is.

        Raises:
            ValueError: it is none.
        """
        try:
            if state["version"] != VERSION:
                raise ValueError(f"its version is {state['version']!r}, not {VERSION}")
            return cls(
                asked=str(state["asked"]),
                by=tuple(map(str, state["by"])),
                since=int(state["since"]),
                settled=int(state["settled"]),
                until=int(state["until"]),
                totals={str(kind): _sums(rows) for kind, rows in state["totals"].items()},
                seen={int(run): int(ended) for run, ended in state["seen"]},
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError("it holds something else") from error


def _sums(rows: Any) -> dict[Key, Counter[str]]:
    return {
        (str(name), str(word)): Counter({suffix: int(n) for suffix, n in counts.items()})
        for name, word, counts in rows
    }


def _within(ended: int | None, begin: int, end: int) -> int:
    """Return when a run ended; at the latest possible time when what it says cannot be.

    Behind a wrapper that takes our environment away, sacct prints local time, perhaps another
    place's, or one of the hour that there is twice in autumn.
    """
    return ended if ended is not None and begin <= ended <= end else end
