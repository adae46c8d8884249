"""Durations and sizes as Prometheus writes them, and back to words."""

from __future__ import annotations

import re

from slurm_exporter.config.words import quote

_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_SPOKEN_UNITS = ("d", "h", "m", "s", "ms")

# No more digits than a float holds exactly: Python refuses to read thousands of them.
_NUMBER = "[0-9]{1,15}"
_BARE_NUMBER = re.compile(_NUMBER)
_DURATION = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in _MILLISECONDS))

_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(f"({_NUMBER})(?:B|([KMGT])i?B)?")


def parse_duration(text: str) -> float:
    """Seconds in a duration such as ``30s``, ``1m30s`` or ``500ms``.

    The units are Prometheus': ``y`` (365 days), ``w``, ``d``, ``h``, ``m``, ``s`` and ``ms``, each
    at most once and from large to small.  ``0`` needs none.

    Raises:
        ValueError: it is no duration; the message is a sentence for the operator.
    """
    if text == "0":
        return 0.0
    if _BARE_NUMBER.fullmatch(text):
        raise ValueError(f"a duration needs a unit; write {text}s for seconds")
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"must be a duration such as 30s or 1m30s, not {quote(text)}")
    counts = (int(count or 0) for count in match.groups())
    return sum(map(int.__mul__, counts, _MILLISECONDS.values())) / 1000


def format_duration(seconds: float) -> str:
    """A duration for people, such as ``1m30s``; whole milliseconds, ``0s`` below half of one.

    ``parse_duration`` reads it back.

    Args:
        seconds: not negative.
    """
    rest = round(seconds * 1000)
    words = []
    for unit in _SPOKEN_UNITS:
        count, rest = divmod(rest, _MILLISECONDS[unit])
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"


def parse_size(text: str) -> int:
    """Bytes in a size such as ``10MB``, ``512KiB`` or ``4096``.

    As in Prometheus' ``body_size_limit``, ``KB`` and ``KiB`` both mean 1024 bytes, and so on up
    to ``TB`` and ``TiB``.

    Raises:
        ValueError: it is no size; the message is a sentence for the operator.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a size such as 10MB, 512KiB or 4096, not {quote(text)}")
    return int(match[1]) * _FACTORS[match[2] or ""]
