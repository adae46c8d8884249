"""What scontrol prints, cut into records."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.commands.blocks import blocks, number, value, words


def cut(text: str) -> list[str | None]:
    return list(blocks(text, "NodeName="))


def test_each_record_is_a_block() -> None:
    assert cut("NodeName=a X=1\n   Y=2\n\nNodeName=b X=2\n\n") == [
        "NodeName=a X=1\n   Y=2\n\n",
        "NodeName=b X=2\n\n",
    ]


def test_a_record_that_lacks_its_end_is_none() -> None:
    """What is there of it may be cut within a value."""
    assert cut("NodeName=a X=1\n\nNodeName=b Partitions=ba") == ["NodeName=a X=1\n\n", None]


def test_what_stands_before_the_first_record_is_none() -> None:
    assert cut("what\n\nNodeName=a\n\n") == [None, "NodeName=a\n\n"]


def test_empty_lines_alone_end_no_record() -> None:
    """A comment may have some."""
    assert cut("NodeName=a\n   Comment=x\n\ny\n\n") == ["NodeName=a\n   Comment=x\n\ny\n\n"]


@pytest.mark.parametrize("text", ["", "No nodes in the system\n"])
def test_there_may_be_no_records(text: str) -> None:
    """All nodes of a cluster may be dynamic, and gone."""
    assert cut(text) == []


def test_words_are_pairs() -> None:
    pairs = words("A=1 B=x=y  OS=Linux #1 \n   C=\n")

    assert (pairs["A"], pairs["B"], pairs["OS"], pairs["C"]) == ("1", "x=y", "Linux", "")
    assert number(pairs, "A") == 1


def test_a_value_that_each_record_has_must_be_there() -> None:
    with pytest.raises(ValueError, match="State is missing"):
        value({}, "State")
    with pytest.raises(ValueError, match="invalid literal"):
        number({"CPUTot": "8K"}, "CPUTot")
