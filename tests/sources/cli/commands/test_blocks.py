"""What scontrol prints, cut into records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.command import Table
from slurm_exporter.sources.cli.commands.blocks import blocks, number, value, words
from slurm_exporter.sources.cli.commands.node import NODE
from slurm_exporter.sources.cli.commands.partition import PARTITION

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Command


def cut(text: str) -> list[str | None]:
    return list(blocks(text, "NodeName="))


def test_each_record_is_a_block() -> None:
    assert cut("NodeName=a X=1\n   Y=2\n\nNodeName=b X=2\n\n") == [
        "NodeName=a X=1\n   Y=2\n\n",
        "NodeName=b X=2\n\n",
    ]


def test_what_stands_before_the_first_record_is_none() -> None:
    assert cut("what\n\nNodeName=a\n\n") == [None, "NodeName=a\n\n"]


def test_empty_lines_alone_end_no_record() -> None:
    """A comment may have some."""
    assert cut("NodeName=a\n   Comment=x\n\ny\n\n") == ["NodeName=a\n   Comment=x\n\ny\n\n"]


@pytest.mark.parametrize(("command", "kind"), [(NODE, "nodes"), (PARTITION, "partitions")])
def test_there_may_be_no_records(command: Command[Any], kind: str) -> None:
    """All nodes of a cluster may be dynamic, and gone; that is said in other words than errors."""
    assert command.read(f"No {kind} in the system\n", "") == Table(())

    with pytest.raises(ParseError):
        command.read("No route to host\n\n", "")


def test_words_are_pairs() -> None:
    pairs = words("A=1 B=x=y  OS=Linux #1 \n   C=\n")

    assert (pairs["A"], pairs["B"], pairs["OS"], pairs["C"]) == ("1", "x=y", "Linux", "")
    assert number(pairs, "A") == 1


def test_a_value_that_each_record_has_must_be_there() -> None:
    with pytest.raises(ValueError, match="State is missing"):
        value({}, "State")
    with pytest.raises(ValueError, match="invalid literal"):
        number({"CPUTot": "8K"}, "CPUTot")
