"""Reading what scontrol prints in lines of pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.sources.cli.commands.oneliner import pairs, records


def test_values_may_hold_blanks_and_equal_signs() -> None:
    """A value ends where the next key begins."""
    found = pairs("Name=night work Count=2 TRES=cpu=16,gres/gpu=1 Text= x=y , z End=")

    assert found == {
        "Name": "night work",
        "Count": "2",
        "TRES": "cpu=16,gres/gpu=1",
        "Text": "x=y , z",
        "End": "",
    }


def test_the_first_of_two_values_counts() -> None:
    """People's words stand last, and could look like Slurm's."""
    assert pairs("State=ACTIVE Comment=State=X or State=DOWN")["State"] == "ACTIVE"


def test_a_key_that_is_missing_is_an_error_of_its_line() -> None:
    """Which costs the line and no more."""
    with pytest.raises(ValueError, match="State is missing"):
        pairs("Name=x")["State"]


def test_lines_that_begin_otherwise_are_no_records() -> None:
    """Such as the rest of a comment of several lines."""
    text = "Name=x A=1\n\nand more\nName=y\n"
    assert list(records(text, "Name")) == ["Name=x A=1", None, "Name=y"]


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Za-z]{0,5}", fullmatch=True), st.text("ab,=(|1")))
def test_all_pairs_of_a_line_are_found(given_pairs: dict[str, str]) -> None:
    """In whatever order."""
    line = " ".join(f"{key}={value}" for key, value in given_pairs.items())

    assert pairs(line) == given_pairs
