"""The endpoint ``reservations``: what is set aside, for whom, from when until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.records import Reservation

_INFO = Metric(
    "slurm_reservation_info",
    "What a reservation is; always 1.",
    ("reservation", "state", "users", "accounts", "partition", "flags"),
)
_ACTIVE = Metric("slurm_reservation_active", "Whether a reservation holds now.", ("reservation",))
_START = Metric(
    "slurm_reservation_start_time_seconds",
    "Unix time when a reservation begins.",
    ("reservation",),
)
_END = Metric(
    "slurm_reservation_end_time_seconds", "Unix time when a reservation ends.", ("reservation",)
)
_NODES = Metric("slurm_reservation_nodes", "Nodes of a reservation.", ("reservation",))
_CORES = Metric("slurm_reservation_cores", "Cores of a reservation.", ("reservation",))

METRICS = (_INFO, _ACTIVE, _START, _END, _NODES, _CORES)


def families(reservations: Iterable[Reservation]) -> Iterator[Family]:
    """Tell of all reservations; names are unique."""
    known = {(one.name,): one for one in reservations}
    yield _INFO.family((_info(one), 1) for one in known.values())
    yield _ACTIVE.family((name, int(one.state == "ACTIVE")) for name, one in known.items())
    yield _START.family((name, one.start) for name, one in known.items() if one.start is not None)
    yield _END.family((name, one.end) for name, one in known.items() if one.end is not None)
    yield _NODES.family((name, one.nodes) for name, one in known.items())
    yield _CORES.family((name, one.cores) for name, one in known.items())


def _info(one: Reservation) -> tuple[str, ...]:
    return (one.name, one.state, one.users, one.accounts, one.partition, one.flags)
