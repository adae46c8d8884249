"""One family of metrics, and the text that slurmctld makes of families and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slurm_exporter.demo.counts import Rows


@dataclass(frozen=True, slots=True)
class Family:
    """A name and a help text, and under which ``key`` a row of counts has the number."""

    name: str
    help: str
    key: str


def render(families: Sequence[Family], label: str, rows: Rows) -> Iterator[str]:
    """Write ``families`` as slurmctld does: all are gauges, and label values are not escaped.

    A row without a name has no label at all, also in a family whose other rows have one.
    """
    named = [(f'{{{label}="{name}"}}' if name else "", counts) for name, counts in rows]
    for family in families:
        yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n"
        for labels, counts in named:
            yield f"{family.name}{labels} {counts.get(family.key, 0)}\n"
