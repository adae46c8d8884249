"""Durations, sizes and moments as people say them.

No line breaks between a number and its unit.
"""

from __future__ import annotations

from datetime import datetime, timezone

_GAP = "\N{NO-BREAK SPACE}"
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def span(seconds: float) -> str:
    """A duration as exact as a reader wants it, such as ``43 ms`` or ``2 h 5 min``."""
    if 0 < seconds < 0.9995:
        digits = 1 if seconds < 0.00995 else 0
        return f"{seconds * 1000:.{digits}f}{_GAP}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}{_GAP}s".replace(".0", "")
    counts: list[tuple[int, str]] = []
    rest = round(seconds)
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        if count or counts:
            counts.append((count, unit))
    return " ".join(f"{count}{_GAP}{unit}" for count, unit in counts[:2] if count)


def ago(time: float, now: float) -> str:
    """How long before ``now`` a moment was; both are unix seconds."""
    seconds = round(now - time)
    # A clock that was set back must not make the past the future.
    return f"{span(seconds)} ago" if seconds > 0 else "just now"


def clock(time: float, now: float = 0.0) -> str:
    """A moment in UTC, with its date unless that is the date of ``now``; both are unix seconds."""
    moment = _utc(time)
    today = moment.date() == _utc(now).date()
    return moment.strftime("%H:%M:%S UTC" if today else "%Y-%m-%d %H:%M:%S UTC")


def iso(time: float) -> str:
    """A moment as machines read it; unix seconds."""
    return _utc(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(time: float) -> datetime:
    return datetime.fromtimestamp(time, timezone.utc)


def size(count: float) -> str:
    """A number of bytes, such as ``851 KiB``."""
    for unit in ("B", "KiB", "MiB"):
        if count < 999.5:
            return f"{count:.3g}{_GAP}{unit}"
        count /= 1024
    return f"{count:.3g}{_GAP}GiB"


def counted(count: int, noun: str) -> str:
    """A number of things, such as ``1,234 polls``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
