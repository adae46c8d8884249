"""From when on something is counted: a time, or a span before now."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from slurm_exporter.config.files import beside, readable
from slurm_exporter.config.words import quote

if TYPE_CHECKING:
    from collections.abc import Callable

_SPAN, _MOMENT = "a span such as 24 hours ago", "a time such as 2026-11-01T00:00:00"
SINCE_FORM = f"{_SPAN}, {_MOMENT}, or a file's path"

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_AGO = re.compile(rf"(\d{{1,6}}) ({'|'.join(_SECONDS)})s? ago", re.ASCII)

# Less than Python reads, and the same in all of its releases.
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_LONGEST_FILE = 4096


class _NeitherError(ValueError):
    """A text that is no span and no time."""


def since_time(since: str, now: float) -> int:
    """The unix time that is meant; at least 1, since 0 is no time in Slurm.

    Args:
        since: as ``check_since`` returns it.
        now: unix time.
    """
    return max(1, _moment(since, now))


def reader(file: str) -> Callable[[str], str]:
    """Return the check for what a config says; a file is what has a / in it, as no time has.

    Args:
        file: the config file, which relative paths are relative to.
    """
    return lambda text: _content(beside(text, file)) if "/" in text else check_since(text)


def check_since(text: str, now: float | None = None) -> str:
    """A span or a time, without blanks around it.

    Args:
        text: what the config says.
        now: unix time; None is the time it is.

    Raises:
        ValueError: it is neither, or no time at which jobs have ended; the message is a sentence
            for the operator.
    """
    text, now = text.strip(), time.time() if now is None else now
    try:
        moment = _moment(text, now)
    except (ValueError, OverflowError):
        raise _NeitherError(f"must be {SINCE_FORM}, not {quote(text)}") from None
    if moment > now:
        raise ValueError(f"must not lie ahead, as {quote(text)} does")
    if moment < 0:
        raise ValueError(f"must not be before 1970, as {quote(text)} is")
    return text


def _moment(since: str, now: float) -> int:
    span = _AGO.fullmatch(since)
    if span is None:
        return int(_time(since).timestamp())
    return int(now) - int(span[1]) * _SECONDS[span[2]]


def _time(text: str) -> datetime:
    """Return a time, local where it has no offset."""
    if not _TIME.fullmatch(text):
        raise ValueError
    if text.endswith("Z"):
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
    return datetime.fromisoformat(text)


def _content(path: str) -> str:
    with open(readable(path), "rb") as file:  # noqa: PTH123  # only its begin
        text = file.read(_LONGEST_FILE).decode("utf-8", "replace")
    try:
        return check_since(text)
    except _NeitherError:  # not quoted: whatever else is in a file may be a secret
        raise ValueError(f"{path} must hold {_SPAN} or {_MOMENT}") from None
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None
