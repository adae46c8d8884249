"""How a command is called, and how its text is cut into rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.catalogue import CATALOGUE
from slurm_exporter.sources.cli.command import (
    FIELD,
    Command,
    Table,
    environment,
    fields,
    new_mark,
    table,
)
from tests.sources.cli.recordings import RELEASES, recorded

MARK = "\x1e0123abcd"
COMMANDS = sorted({c for q in CATALOGUE.values() for c in q.commands}, key=str)


def row(*texts: str, mark: str = MARK) -> str:
    return FIELD.join(texts) + mark + "\n"


def number(texts: list[str]) -> int:
    return int(texts[0])


# ------------------------------------------------------------------ calling


def test_a_command_is_named_as_a_person_would_type_it() -> None:
    """Without options, and without a format."""
    read = Command("squeue", ("--all", f"--Format=a:{FIELD},b:{{mark}}"), lambda *_: Table(()))
    assert str(read) == "squeue"
    assert str(Command("scontrol", ("show", "node", "--all"), read.read)) == "scontrol show node"


def test_the_mark_of_a_run_is_put_into_the_arguments() -> None:
    command = Command("squeue", ("--all", "--Format=a:{mark}"), lambda *_: Table(()))
    assert command.words(MARK) == ["--all", f"--Format=a:{MARK}"]


def test_nobody_can_know_the_mark_of_the_next_run() -> None:
    """It is none that was seen before, and nothing that means something in a format."""
    marks = {new_mark() for _ in range(100)}
    assert len(marks) == 100
    assert all(len(mark) == 9 and mark[1:].isalnum() for mark in marks)


def test_the_environment_does_not_change_what_commands_print(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An administrator's own defaults stay his own; what leads to the cluster is kept."""
    for name in ("SQUEUE_FORMAT", "SINFO_ALL", "SLURM_CLUSTERS", "SCONTROL_FUTURE"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("SLURM_TIME_FORMAT", "relative")
    monkeypatch.setenv("SLURM_CONF", "/opt/slurm/slurm.conf")

    given = environment()
    assert not {"SQUEUE_FORMAT", "SINFO_ALL", "SLURM_CLUSTERS", "SCONTROL_FUTURE"} & set(given)
    assert given["LC_ALL"] == "C.UTF-8"
    assert given["SLURM_TIME_FORMAT"] == "%s"
    assert given["SLURM_BITSTR_LEN"] == "0"
    assert given["SQUEUE_ARRAY_UNIQUE"] == "1"
    assert given["SLURM_CONF"] == "/opt/slurm/slurm.conf"


# ------------------------------------------------------------------ what is an answer


def numbers(text: str, mark: str) -> Table[int]:
    return table(fields(text, mark, 1), number)


NUMBERS = Command("seq", (), numbers, ending="{mark}\n", nothing="No numbers\n")


def test_an_output_that_has_its_end_is_an_answer() -> None:
    """What cannot be read of it costs its row; and there may be nothing, also in words."""
    assert NUMBERS.read(row("1") + row("two"), MARK) == Table((1,), malformed=1)
    assert NUMBERS.read("", MARK) == NUMBERS.read("No numbers\n", MARK) == Table(())


@given(st.integers(1, 31))
def test_an_output_that_was_cut_is_no_answer(length: int) -> None:
    """Unless between two rows, where nobody can tell."""
    text = row("1") + row("2") + row("3")
    if text[:length].endswith(f"{MARK}\n"):
        assert NUMBERS.read(text[:length], MARK).malformed == 0
    else:
        with pytest.raises(ParseError) as raised:
            NUMBERS.read(text[:length], MARK)
        assert str(raised.value) == f"seq ended with {text[:length]!r}: the output was cut"


def test_what_an_output_says_of_itself_is_kept_short() -> None:
    """Its end if that is missing, else its begin."""
    with pytest.raises(ParseError) as raised:
        NUMBERS.read("Welcome to the cluster\n" * 100, MARK)
    assert str(raised.value) == (
        "seq ended with 'e to the cluster\\nWelcome to the cluster\\n': the output was cut"
    )
    with pytest.raises(ParseError) as raised:
        NUMBERS.read(row("Welcome to the cluster, all of you who come"), MARK)
    assert str(raised.value) == (
        "seq printed nothing that can be read; "
        "it begins with 'Welcome to the cluster, all of you who c'"
    )


def test_records_of_no_interest_make_an_answer() -> None:
    """There is nothing to tell, which is something else than nothing that can be read."""
    command = replace(NUMBERS, parse=lambda *_: Table((), malformed=1, passed_over=1))
    assert command.read(row("1"), MARK).records == ()


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_neither_half_an_output_nor_a_greeting_is_an_answer_of_slurms(
    command: Command[Any], release: str
) -> None:
    """Of no command and of no release."""
    greeting = "Welcome to the cluster\n\n"
    with pytest.raises(ParseError):
        command.read(greeting, MARK)
    with pytest.raises(ParseError):
        command.read(greeting + command.ending.replace("{mark}", MARK), MARK)
    whole = recorded(command, release, "busy").replace("MARK", MARK)
    for length in {len(whole) // 2, len(whole) - 1} if whole else ():
        with pytest.raises(ParseError):
            command.read(whole[:length].rstrip("\n"), MARK)


# ------------------------------------------------------------------ rows


def test_a_text_is_cut_into_rows_and_rows_into_fields() -> None:
    text = row("1", "a") + row("2", "")
    assert list(fields(text, MARK, 2)) == [["1", "a"], ["2", ""]]
    assert list(fields("", MARK, 2)) == []


@pytest.mark.parametrize(
    "name",
    ["a|b", "a b,c", 'say "hi"', "back\\slash", "Zoë", "two\nlines", "x" * 200, "\x1e", "\r"],
)
def test_the_last_field_may_hold_anything(name: str) -> None:
    """Users write there."""
    assert list(fields(row("1", name) + row("2", "b"), MARK, 2)) == [["1", name], ["2", "b"]]


def test_a_user_cannot_begin_a_new_field_or_a_new_row() -> None:
    """He knows the separator, and the mark of an earlier run."""
    evil = f"x{FIELD}y{new_mark()}\n2{FIELD}forged"
    assert list(fields(row("1", evil), MARK, 2)) == [["1", evil]]


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters=FIELD)), st.text())))
def test_what_was_written_is_read(rows: list[tuple[str, str]]) -> None:
    """Whatever it is, as long as it is not the mark."""
    text = "".join(row(*texts) for texts in rows)
    assert list(fields(text, MARK, 2)) == [list(texts) for texts in rows]


def test_a_row_with_too_few_fields_is_none() -> None:
    assert list(fields(row("1") + row("2", "b"), MARK, 2)) == [None, ["2", "b"]]


# ------------------------------------------------------------------ records


def test_a_row_that_cannot_be_read_costs_itself_and_is_counted() -> None:
    """Whether it could not be cut or not be understood."""
    rows = [["1"], None, ["two"], ["3"]]
    assert table(rows, number) == Table((1, 3), malformed=2)


def test_a_bug_in_reading_is_not_taken_for_a_bad_row() -> None:
    """It is ours, and somebody must learn of it."""
    with pytest.raises(IndexError):
        table([[]], number)
