"""The picture of how the cost of a poll grows."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.bench.picture import BOTTOM, LEFT, RIGHT, TOP, draw
from tests.bench.poll import Cost

SVG = "{http://www.w3.org/2000/svg}"
COSTS = [Cost(10**power, 3e-6 + 10 ** -(power + 2), 2e-5) for power in (3, 4, 5, 6)]


def picture() -> ET.Element:
    return ET.fromstring(draw(COSTS))


def test_each_line_has_a_point_for_each_size_within_the_frame() -> None:
    """From left to right."""
    lines = [line.get("points", "").split() for line in picture().iter(f"{SVG}polyline")]
    points = [[tuple(map(float, point.split(","))) for point in line] for line in lines]

    assert [len(line) for line in points] == [len(COSTS)] * 2
    for line in points:
        assert [x for x, _ in line] == sorted(x for x, _ in line)
        assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in line)


def test_the_dearer_line_is_above_the_other() -> None:
    """By as much as the logarithm of their ratio, however the axis was chosen."""
    ours, reference = (circle.findall(f"{SVG}circle") for circle in picture().iter(f"{SVG}g"))

    assert all(
        float(a.get("cy")) > float(b.get("cy")) for a, b in zip(ours, reference, strict=True)
    )


def test_axes_are_marked_with_round_numbers() -> None:
    """Each size's decade, and what lies around the costs."""
    texts = [text.text for text in picture().iter(f"{SVG}text")]

    assert {"1,000", "10,000", "100,000", "1,000,000"} <= set(texts)
    assert {"2", "5", "10", "20"} <= set(texts)


def test_it_can_be_read_in_the_dark() -> None:
    """The colours follow the reader's."""
    assert "prefers-color-scheme: dark" in draw(COSTS)
