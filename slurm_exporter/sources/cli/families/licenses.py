"""The endpoint ``licenses``: how many there are of each, and who has them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric, sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.records import License

_LABELS = ("license",)

_NUMBERS = (
    (Metric("slurm_licenses", "Licenses that there are.", _LABELS), attrgetter("total")),
    (Metric("slurm_licenses_used", "Licenses that jobs have.", _LABELS), attrgetter("used")),
    (Metric("slurm_licenses_free", "Licenses that are left.", _LABELS), attrgetter("free")),
    (
        Metric("slurm_licenses_reserved", "Licenses set aside by reservations.", _LABELS),
        attrgetter("reserved"),
    ),
    (
        Metric(
            "slurm_licenses_last_consumed",
            "Licenses that the server of a remote license had given away when Slurm was told.",
            _LABELS,
        ),
        attrgetter("consumed"),
    ),
    (
        Metric(
            "slurm_licenses_last_deficit",
            "Licenses that the server of a remote license lacked when Slurm was told.",
            _LABELS,
        ),
        attrgetter("deficit"),
    ),
)

_UPDATED = Metric(
    "slurm_licenses_last_update_timestamp_seconds",
    "Unix time when Slurm was told of a remote license.",
    _LABELS,
)

METRICS = (*(metric for metric, _ in _NUMBERS), _UPDATED)


def families(licenses: Iterable[License]) -> Iterator[Family]:
    """Tell of all licenses; what is set up in parts under one name is one."""
    known = tuple(licenses)
    for metric, number in _NUMBERS:
        pairs = (((one.name,), number(one)) for one in known)
        yield metric.family(sums((name, value) for name, value in pairs if value is not None))
    yield _UPDATED.family(((one.name,), one.updated) for one in known if one.updated is not None)
