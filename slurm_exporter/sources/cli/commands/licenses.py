"""The licenses that jobs can ask for: ``scontrol show licenses``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli import values
from slurm_exporter.sources.cli.command import Command, table
from slurm_exporter.sources.cli.commands.oneliner import pairs, records
from slurm_exporter.sources.cli.records import License

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Table


def _read(text: str, _mark: str) -> Table[License]:
    return table(records(text, "LicenseName"), _license)


def _license(line: str) -> License:
    found = pairs(line)
    return License(
        name=found["LicenseName"],
        total=int(found["Total"]),
        used=int(found["Used"]),
        free=int(found["Free"]),
        reserved=int(found["Reserved"]),
        consumed=_optional(found.get("LastConsumed")),
        deficit=_optional(found.get("LastDeficit")),
        updated=values.moment(found.get("LastUpdate", "")),
    )


def _optional(text: str | None) -> int | None:
    return None if text is None else int(text)


LICENSES = Command(
    "scontrol",
    ("--oneliner", "show", "licenses"),
    _read,
    nothing="No licenses configured in Slurm.\n",
)
