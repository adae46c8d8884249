"""The endpoint ``jobs``: how many there are, in which states, with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.families.statistics import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.records import Job

_ALL = Tally("slurm_jobs", None)

METRICS = _ALL.metrics


def families(jobs: Iterable[Job]) -> Iterator[Family]:
    """Count all jobs."""
    return _ALL.families(jobs, lambda _: ((),), known=((),))
