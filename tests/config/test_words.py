from __future__ import annotations

import pytest

from slurm_exporter.config.words import either, quote, suggestion


def test_a_quote_keeps_the_words_of_the_operator():
    """What was written is shown as it was written, in quotes."""
    assert quote("30 сек") == "'30 сек'"


def test_a_quote_stays_on_one_line_and_shows_what_cannot_be_printed():
    """Neither a line break nor a terminal's escape sequence leaves a message."""
    assert quote("a\nb\x1b[2J") == r"'a\nb\x1b[2J'"


def test_a_long_quote_is_cut():
    """A message stays readable when the value is a whole page."""
    assert quote("x" * 41) == f"'{'x' * 40}...'"


@pytest.mark.parametrize(
    ("words", "prose"),
    [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")],
)
def test_alternatives_read_as_prose(words, prose):
    """The last one is joined with an "or"."""
    assert either(words) == prose


@pytest.mark.parametrize("misspelt", ["intervall", "INTERVAL", "inteval"])
def test_a_misspelt_word_gets_the_nearest_known_one(misspelt):
    """Upper case counts as a misspelling."""
    assert suggestion(misspelt, ["name", "interval"]) == "; did you mean `interval`?"


def test_a_word_that_resembles_nothing_gets_no_suggestion():
    """A wild guess would mislead."""
    assert suggestion("colour", ["name", "interval"]) == ""
