"""The endpoint ``controllers``: which slurmctld answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.records import Controller

_UP = Metric(
    "slurm_controller_up",
    "Whether slurmctld answers on a host that slurm.conf names, in charge or not.",
    ("host", "role"),
)

METRICS = (_UP,)


def families(controllers: Iterable[Controller]) -> Iterator[Family]:
    """Tell of all controllers, up or down."""
    yield _UP.family(((one.host, one.role), int(one.up)) for one in controllers)
