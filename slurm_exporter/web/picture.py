"""The small picture of an endpoint's recent polls: a bar each, a cross on those that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slurm_exporter.snapshot import RECENT
from slurm_exporter.web.markup import Html, join, markup
from slurm_exporter.web.words import clock, counted, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SLOT = 6
_GROUND = 56
_TALLEST = 52.0
_LOWEST = 1.5

_CALM = 0.01
"""Seconds that fill the picture at least: differences among faster polls are no news."""


def bars(polls: Sequence[Mapping[str, Any]], now: float) -> Html:
    """Return SVG, 360 wide and 60 high, with the newest poll at the right.

    Args:
        polls: the ``recent`` of an endpoint's facts, oldest first, at most ``RECENT``.
        now: the moment of the page, unix seconds.
    """
    scale = _TALLEST / _full(polls)
    places = range(RECENT - len(polls), RECENT)
    return join(
        _bar(poll, place * _SLOT, scale, now) for place, poll in zip(places, polls, strict=True)
    )


def _full(polls: Sequence[Mapping[str, Any]]) -> float:
    """Return the seconds of a bar of full height.

    A failed poll may be taller and is cut, so that one timeout does not flatten all the others.
    """
    done = [poll for poll in polls if poll["reason"] is None]
    return max([_CALM, *(float(poll["duration_seconds"]) for poll in done or polls)])


def _bar(poll: Mapping[str, Any], left: int, scale: float, now: float) -> Html:
    height = min(_TALLEST, max(_LOWEST, poll["duration_seconds"] * scale))
    top = f"{_GROUND - height:.1f}"
    if poll["reason"] is None:
        begin, path = "<g>", f"M{left + 1} {_GROUND}V{top}h4V{_GROUND}z"
    else:
        begin, path = (
            '<g class="failed">',
            f"M{left + 3} {_GROUND}V{top}m-2.2-2.2l4.4 4.4m0-4.4l-4.4 4.4",
        )
    return Html(
        f"{begin}<title>{markup(_words(poll, now))}</title>"
        f'<rect class="hit" x="{left}" width="6" height="{_GROUND}"/><path d="{path}"/></g>'
    )


def _words(poll: Mapping[str, Any], now: float) -> str:
    end = "" if poll["reason"] is None else f", failed: {poll['reason']}"
    return f"{clock(poll['timestamp_seconds'], now)}, {span(poll['duration_seconds'])}{end}"


def caption(polls: Sequence[Mapping[str, Any]], now: float) -> str:
    """Return in words what the picture shows; the arguments are those of ``bars``."""
    if not polls:
        return "no poll yet"
    failed = sum(poll["reason"] is not None for poll in polls)
    longest = max(poll["duration_seconds"] for poll in polls)
    passed = span(max(0, round(now - polls[0]["timestamp_seconds"])))
    words = f"{counted(len(polls), 'poll')} in {passed}, longest {span(longest)}"
    return f"{words}, {failed} failed" if failed else words
