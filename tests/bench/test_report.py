"""The table of the benchmarks, and its place in the docs."""

from __future__ import annotations

import pytest

from tests.bench.report import REACHES, Reach, Row, put, ratio, table

NAMES = list(REACHES)


def test_a_ratio_is_that_of_the_medians() -> None:
    """One bad round on either side changes nothing."""
    row = ratio(NAMES[0], [(4.0, 2.0), (99.0, 2.0), (4.0, 0.1)], "/s")

    assert (row.value, row.ours, row.other) == (2.0, 4.0, 2.0)
    assert row.met


@pytest.mark.parametrize(
    ("sign", "met"), [("<=", [True, True, False]), (">=", [False, True, True])]
)
def test_a_limit_itself_is_within_reach(sign: str, met: list[bool]) -> None:
    """In both directions."""
    assert [Reach(sign, 2).met(value) for value in (1.9, 2.0, 2.1)] == met


def test_a_table_says_for_each_row_what_was_measured_wanted_and_met() -> None:
    """Aligned, so that it can be read in a terminal too."""
    rows = [
        Row(NAMES[0], 0.5, 1200.0, 2400.0, "/s", "8 clients"),
        Row(NAMES[-1], 1.0, 70, 70, "MB"),
    ]
    head, line, first, last = table(rows).splitlines()

    assert len({len(head), len(line), len(first), len(last)}) == 1
    cells = [cell.strip() for cell in first.strip("|").split("|")]
    assert cells == [NAMES[0], "0.5", "at least 2", "no", "1,200 / 2,400 /s; 8 clients"]
    assert "| yes |" in last


def test_a_tables_place_in_the_docs_is_between_two_marks() -> None:
    """What stood there is replaced, and all else stays."""
    page = "a\n<!-- table -->\nold\n<!-- end of table -->\nb\n"

    new = put(page, "table", "new\n")

    assert new == "a\n<!-- table -->\nnew\n<!-- end of table -->\nb\n"
    assert put(new, "table", "new\n") == new


def test_a_page_without_the_marks_is_not_touched() -> None:
    """An error, and not a page without its table."""
    with pytest.raises(ValueError, match="the page has no place for levels"):
        put("<!-- levels -->\nno end\n", "levels", "new\n")
