"""Single values as all of Slurm's commands print them."""

from __future__ import annotations

import math
import re
from datetime import datetime
from functools import lru_cache
from itertools import islice, product
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slurm_exporter.sources.cli.records import Gpus

_MOST_HOSTS = 1 << 17
"""Names in a host list; Slurm's own end at 64 Ki."""

UNKNOWN = frozenset({"", "N/A", "(null)", "None", "NONE", "Unknown", "UNKNOWN", "n/a"})
"""What commands print where there is no value."""

_LONGEST_MOMENT = 20
"""Digits of the largest 64-bit number, which some fields have for never."""

_UNITS: dict[str, int] = {unit: 1024**power for power, unit in enumerate("KMGTPEZ", 1)}
# No longer than Slurm's own numbers can be, lest nonsense becomes more than there is memory for.
_NUMBER = re.compile(r"(\d{1,20}(?:\.\d+)?)([KMGTPEZ]?)")
_RANGE = re.compile(r"(\d{1,10})(?:-(\d{1,10})(?::(\d{1,10}))?)?")
_HOST = re.compile(r"[^\[\]]*(?:\[[^\[\]]+\][^\[\]]*)*")
_NAME = re.compile(r"[^\[\],]+")
_BRACKETS = re.compile(r"([^\[]*)(?:\[([^\]]*)\])?")
_GPU = re.compile(r"gres/gpu(?::([^=]*))?")


def moment(text: str) -> int | None:
    """Return a unix time; None where there is none.

    Commands print it as we ask them to, with ``SLURM_TIME_FORMAT=%s``; behind a wrapper that
    takes our environment away from them they print local time, such as ``2026-11-21T05:38:26``.

    Raises:
        ValueError: it is neither.
    """
    if text.isdecimal() and len(text) <= _LONGEST_MOMENT:
        return int(text)
    return None if text in UNKNOWN else _local(text)


@lru_cache(maxsize=4096)
def _local(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def name(text: str) -> str:
    """Return a name; empty where there is none."""
    return "" if text == "(null)" else text


@lru_cache(maxsize=4096)
def mebibytes(text: str) -> int:
    """Return bytes of a size that has a unit, or is in Slurm's MiB: ``100M``, ``62.50G``, ``500``.

    Raises:
        ValueError: it is none.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no size")
    return int(float(match[1]) * _UNITS[match[2] or "M"])


@lru_cache(maxsize=4096)
def tres(text: str) -> Mapping[str, str]:
    """Return trackable resources by type: ``cpu=1,mem=1G,gres/gpu:a100=2``; the same for all."""
    pairs = (pair.rpartition("=") for pair in text.split(",") if "=" in pair)
    return MappingProxyType({key: value for key, _, value in pairs})


@lru_cache(maxsize=4096)
def gpus(text: str) -> Gpus:
    """Return the GPUs among trackable resources.

    Slurm names each model that is accounted for, and the sum of all; models that are not are what
    the sum has more.
    """
    models = {m[1] or "": int(n) for key, n in tres(text).items() if (m := _GPU.fullmatch(key))}
    total = models.pop("", 0)
    rest = total - sum(models.values())
    return MappingProxyType({**models, "": rest} if rest > 0 else models)


def tasks(text: str) -> int:
    """Return how many tasks of an array a list names: ``0-9:3,12%2`` is five.

    What is no array is one.

    Raises:
        ValueError: the list cannot be read; behind a wrapper that takes our environment away from
            squeue, a long one is cut, and ends in dots.
    """
    if text in UNKNOWN:
        return 1
    return sum(len(numbers(part)) for part in text.partition("%")[0].split(","))


def numbers(text: str) -> range:
    """Return the numbers of a range with an optional step: ``5``, ``1-9``, ``0-9:3``.

    Raises:
        ValueError: it is none.
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no range")
    first, last, step = match.groups()
    return range(int(first), int(last or first) + 1, int(step or 1))


def hosts(text: str) -> tuple[str, ...]:
    """Return the names in a host list: ``n[001-003,7],gpu1`` and ``rack[0-1]n[0-3]``.

    Raises:
        ValueError: it cannot be read.
    """
    if text in UNKNOWN:
        return ()
    return (text,) if _NAME.fullmatch(text) else _list(text)


@lru_cache(maxsize=1024)
def _list(text: str) -> tuple[str, ...]:
    return _few(text, (host for part in _parts(text) for host in _expanded(part)))


def _few(text: str, names: Iterator[str]) -> tuple[str, ...]:
    found = tuple(islice(names, _MOST_HOSTS + 1))
    if len(found) > _MOST_HOSTS:
        raise ValueError(f"{text!r} names too many hosts")
    return found


def _parts(text: str) -> Iterator[str]:
    """Split at commas that are not in brackets."""
    depth, start = 0, 0
    for index, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth:
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _expanded(part: str) -> Iterator[str]:
    if not _HOST.fullmatch(part):
        raise ValueError(f"{part!r} is no host list")
    pieces = []
    for prefix, ranges in _BRACKETS.findall(part):
        pieces += [(prefix,), _few(ranges, _counted(ranges)) if ranges else ("",)]
    if math.prod(map(len, pieces)) > _MOST_HOSTS:
        raise ValueError(f"{part!r} names too many hosts")
    return map("".join, product(*pieces))


def _counted(ranges: str) -> Iterator[str]:
    for text in ranges.split(","):
        width = len(text.partition("-")[0])
        yield from (f"{number:0{width}}" for number in numbers(text))
