"""Families as tests write and read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.exposition import Family, parse
from slurm_exporter.sources.native import ADMISSIONS
from tests import fake_slurmctld as fake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Numbers = int | str | dict[str, int]


def family(name: str, numbers: Numbers) -> Family:
    """A family with a number for each value of its label, or with a single number."""
    if isinstance(numbers, dict):
        rows = [(value, str(number)) for value, number in numbers.items()]
        return Family(name, "gauge", "A help text", ("of",), rows)
    return Family(name, "gauge", "A help text", (), [(str(numbers),)])


def families(**numbers: Numbers) -> tuple[Family, ...]:
    """Families by the ends of their names."""
    return tuple(family(f"slurm_{name}", number) for name, number in numbers.items())


def recorded(endpoint: str) -> tuple[Family, ...]:
    """What a real slurmctld 26.05.5 answered."""
    return parse(fake.recorded(endpoint), ADMISSIONS[endpoint]).families


def shown(found: Iterable[Family]) -> Mapping[str, Numbers]:
    """Families as ``families`` takes them."""
    return {one.name.removeprefix("slurm_"): _numbers(one) for one in found}


def _numbers(one: Family) -> Numbers:
    if one.labels:
        return {value: int(number) for value, number in one.rows}
    [(number,)] = one.rows
    return int(number)
