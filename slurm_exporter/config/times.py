"""The arithmetic that an endpoint's interval, timeout and ages must obey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slurm_exporter.config.model import MAX_AGE_INTERVALS, STALE_AFTER_INTERVALS
from slurm_exporter.config.units import format_duration

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.model import Endpoint
    from slurm_exporter.config.sections import Section

SHORTEST_INTERVAL = 1.0
LONGEST_INTERVAL = 86_400.0
SHORTEST_TIMEOUT = 0.1
LONGEST_TIMEOUT = 3_600.0
LONGEST_AGE = 365 * 86_400.0


def read_timeout(field: Field, default: float) -> float:
    """A timeout, of one endpoint or the one that endpoints inherit."""
    return field.duration(default, at_least=SHORTEST_TIMEOUT, at_most=LONGEST_TIMEOUT)


def read_interval(field: Field) -> float | None:
    """An interval; None leaves it to the endpoint and its source."""
    return field.duration(None, at_least=SHORTEST_INTERVAL, at_most=LONGEST_INTERVAL)


def read_age(field: Field) -> float | None:
    """An age; None leaves it to the interval and the timeout."""
    return field.duration(None, at_least=SHORTEST_INTERVAL, at_most=LONGEST_AGE)


def read_overlap(field: Field, default: float) -> float:
    """A span that is asked for again at each poll."""
    return field.duration(default, at_least=SHORTEST_INTERVAL, at_most=LONGEST_INTERVAL)


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the section ``slurm`` says for all endpoints that say nothing of their own.

    Attributes:
        field: where the timeout is in the file.
        seconds: the timeout that was read there, or the default.
        source: how they are asked.
    """

    field: Field
    seconds: float
    source: str

    @property
    def settled(self) -> bool:
        """Whether this is what the operator meant, and not a stand-in for something wrong."""
        return self.field.clean if self.field.given else self.field.problems.clean("slurm")


def check_times(section: Section, endpoint: Endpoint, inherited: Inherited) -> None:
    """Note times of an endpoint that contradict each other, unless one of them is wrong anyway."""
    if not section.take("interval").clean:
        return
    for key, age in (("stale_after", endpoint.stale_after), ("max_age", endpoint.max_age)):
        _check_age(section.take(key), age, endpoint.interval)
    timeout = section.take("timeout")
    settled = timeout.clean and (timeout.given or inherited.settled)
    if settled:
        _check_timeout(section, endpoint, inherited)
    if settled or None not in (endpoint.stale_after, endpoint.max_age):
        _check_order(section, endpoint)


def check_defaults(inherited: Inherited, endpoints: tuple[Endpoint, ...]) -> None:
    """Note a ``slurm.timeout`` that is longer than intervals that are not in the file."""
    timeout = format_duration(inherited.seconds)
    for endpoint in endpoints:
        if inherited.seconds > endpoint.interval:
            inherited.field.fail(
                f"{timeout} is longer than the interval of {format_duration(endpoint.interval)}"
                f" (the default) of the endpoint {endpoint.name}"
            )


def _check_age(field: Field, age: float | None, interval: float) -> None:
    if age is not None and age < interval:
        field.fail(
            f"{format_duration(age)} is shorter than the interval of {format_duration(interval)}"
        )


def _check_timeout(section: Section, endpoint: Endpoint, inherited: Inherited) -> None:
    if endpoint.timeout <= endpoint.interval:
        return
    timeout, interval = section.take("timeout"), section.take("interval")
    origin = "" if timeout.given else f" from slurm.timeout{_by_default(inherited.field)}"
    timeout.fail(
        f"{format_duration(endpoint.timeout)}{origin} is longer than"
        f" the interval of {format_duration(endpoint.interval)}{_by_default(interval)}"
    )


def _check_order(section: Section, endpoint: Endpoint) -> None:
    stale_after, max_age = section.take("stale_after"), section.take("max_age")
    stale = _or_intervals(endpoint.stale_after, STALE_AFTER_INTERVALS, endpoint)
    oldest = _or_intervals(endpoint.max_age, MAX_AGE_INTERVALS, endpoint)
    if oldest >= stale or not (stale_after.clean and max_age.clean):
        return
    if max_age.given:
        than = f"stale_after of {format_duration(stale)}{_by_default(stale_after)}"
        max_age.fail(f"{format_duration(oldest)} is shorter than {than}")
    else:
        than = f"max_age of {format_duration(oldest)} (the default)"
        stale_after.fail(f"{format_duration(stale)} is longer than {than}; set max_age too")


def _or_intervals(age: float | None, intervals: int, endpoint: Endpoint) -> float:
    return intervals * endpoint.interval + endpoint.timeout if age is None else age


def _by_default(field: Field) -> str:
    return "" if field.given else " (the default)"
