"""Nodes, cores and licenses that are set aside: ``scontrol show reservations``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli import values
from slurm_exporter.sources.cli.command import Command, table
from slurm_exporter.sources.cli.commands.oneliner import pairs, records
from slurm_exporter.sources.cli.records import Reservation

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Table


def _read(text: str, _mark: str) -> Table[Reservation]:
    return table(records(text, "ReservationName"), _reservation)


def _reservation(line: str) -> Reservation:
    found = pairs(line)
    return Reservation(
        name=found["ReservationName"],
        state=found["State"],
        users=values.name(found["Users"]),
        accounts=values.name(found["Accounts"]),
        partition=values.name(found["PartitionName"]),
        flags=values.name(found["Flags"]),
        start=values.moment(found["StartTime"]),
        end=values.moment(found["EndTime"]),
        nodes=int(found["NodeCnt"]),
        cores=int(found["CoreCnt"]),
    )


RESERVATIONS = Command(
    "scontrol",
    ("--oneliner", "show", "reservations"),
    _read,
    nothing="No reservations in the system\n",
)
