"""How the cost of a poll grows, drawn as SVG: two lines on logarithmic axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.bench.poll import Cost

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 660, 60, 310

STYLE = """\
  <style>
    text { fill: #475569; font: 14px system-ui, sans-serif }
    .card { fill: #ffffff } .grid { stroke: #e2e8f0 } .title { fill: #0f172a; font-weight: 600 }
    .ours { stroke: #2563eb; fill: #2563eb } .reference { stroke: #c2410c; fill: #c2410c }
    polyline { fill: none !important; stroke-width: 2.5 } text.ours, text.reference { stroke: none }
    @media (prefers-color-scheme: dark) {
      text { fill: #94a3b8 } .card { fill: #0f172a } .grid { stroke: #334155 }
      .title { fill: #f1f5f9 } .ours { stroke: #60a5fa; fill: #60a5fa }
      .reference { stroke: #fb923c; fill: #fb923c }
    }
  </style>
"""

HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
    'aria-label="CPU per sample of a poll, by its samples">\n'
)
FRAME = f"""\
  <rect class="card" width="{WIDTH}" height="{HEIGHT}" rx="8"/>
  <text class="title" x="{LEFT}" y="34">CPU of a poll: microseconds per sample</text>
  <text x="{RIGHT}" y="{HEIGHT - 10}" text-anchor="end">samples of the poll</text>
"""
STEPS = (1, 2, 5)
"""Where a decade of an axis has its marks."""

Point = tuple[float, float]


def draw(costs: Sequence[Cost]) -> str:
    """Draw microseconds of CPU per sample over the samples of a poll."""
    sizes = [cost.samples for cost in costs]
    ours = [cost.ours * 1e6 for cost in costs]
    reference = [cost.reference * 1e6 for cost in costs]
    across, up = _scale(sizes, LEFT, RIGHT), _scale([*ours, *reference], BOTTOM, TOP)
    parts = [
        HEAD,
        STYLE,
        FRAME,
        *(_mark_across(across, size) for size in _decades(sizes, (1,))),
        *(_mark_up(up, value) for value in _decades([*ours, *reference], STEPS)),
        _line("ours", "slurm_exporter", _points(across, up, sizes, ours)),
        _line("reference", "prometheus_client, gzip -6", _points(across, up, sizes, reference)),
        "</svg>\n",
    ]
    return "".join(parts)


class _Axis:
    def __init__(self, least: float, most: float, begin: float, end: float) -> None:
        self._least, self._begin = math.log10(least), begin
        self._step = (end - begin) / (math.log10(most) - self._least)

    def __call__(self, value: float) -> float:
        return round(self._begin + (math.log10(value) - self._least) * self._step, 1)


def _scale(values: Iterable[float], begin: float, end: float) -> _Axis:
    """Make an axis that holds the values, from one mark of it to another."""
    marks = _decades(values, STEPS)
    return _Axis(marks[0], marks[-1], begin, end)


def _decades(values: Iterable[float], steps: tuple[int, ...]) -> list[float]:
    """The round numbers from just below the values to just above them."""
    values = list(values)
    least, most = min(values), max(values)
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    marks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    below = max(mark for mark in marks if mark <= least)
    above = min(mark for mark in marks if mark >= most)
    return [mark for mark in marks if below <= mark <= above]


def _points(across: _Axis, up: _Axis, sizes: list[int], values: list[float]) -> list[Point]:
    return [(across(size), up(value)) for size, value in zip(sizes, values, strict=True)]


def _line(kind: str, name: str, points: list[Point]) -> str:
    way = " ".join(f"{x},{y}" for x, y in points)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="4"/>' for x, y in points)
    x, y = points[0]
    return (
        f'  <g class="{kind}"><polyline points="{way}"/>{dots}</g>\n'
        f'  <text class="{kind}" x="{x + 8}" y="{y - 12}">{name}</text>\n'
    )


def _mark_across(across: _Axis, size: float) -> str:
    x = across(size)
    return (
        f'  <line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{BOTTOM}"/>\n'
        f'  <text x="{x}" y="{BOTTOM + 22}" text-anchor="middle">{size:,.0f}</text>\n'
    )


def _mark_up(up: _Axis, value: float) -> str:
    y = up(value)
    return (
        f'  <line class="grid" x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}"/>\n'
        f'  <text x="{LEFT - 12}" y="{y + 5}" text-anchor="end">{value:g}</text>\n'
    )
