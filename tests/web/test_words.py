"""Durations, sizes and moments in words."""

from __future__ import annotations

import pytest

from slurm_exporter.web.words import ago, clock, counted, iso, size, span

NOON = 1_795_435_200.0


def plain(words: str) -> str:
    """The words with ordinary spaces."""
    return words.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.00042, "0.4 ms"),
        (0.00312, "3.1 ms"),
        (0.00994, "9.9 ms"),
        (0.00996, "10 ms"),
        (0.0431, "43 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (1.24, "1.2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (84, "1 min 24 s"),
        (3_600, "1 h"),
        (3_605, "1 h"),
        (7_505, "2 h 5 min"),
        (86_400 * 3 + 3_600 * 4 + 59, "3 d 4 h"),
    ],
)
def test_span_is_as_exact_as_a_reader_wants_it(seconds, words):
    """Two units at most, and no more digits than mean something."""
    assert words == plain(span(seconds))


def test_no_line_breaks_between_a_number_and_its_unit():
    """Only the space between two such pairs is one that a line may break at."""
    assert span(84).split(" ") == ["1\N{NO-BREAK SPACE}min", "24\N{NO-BREAK SPACE}s"]


@pytest.mark.parametrize(
    ("passed", "words"), [(0.4, "just now"), (12, "12 s ago"), (84, "1 min 24 s ago")]
)
def test_ago_counts_from_the_moment_of_the_page(passed, words):
    """Seconds are whole."""
    assert words == plain(ago(NOON - passed, NOON))


def test_a_clock_that_was_set_back_does_not_make_the_past_the_future():
    """Then the age is not known, and not shown as negative."""
    assert ago(NOON + 3_600, NOON) == "just now"


def test_clock_leaves_out_the_date_only_on_the_same_day():
    """Yesterday's time alone would be taken for today's."""
    assert clock(NOON - 1, NOON) == "11:59:59 UTC"
    assert clock(NOON - 86_400, NOON) == "2026-11-22 12:00:00 UTC"
    assert clock(NOON) == "2026-11-23 12:00:00 UTC"


def test_iso_is_utc():
    """As an HTML time element wants it."""
    assert iso(NOON) == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "0.977 KiB"),
        (4_812, "4.7 KiB"),
        (871_629, "851 KiB"),
        (1_402_000, "1.34 MiB"),
        (3 * 1024**3, "3 GiB"),
    ],
)
def test_size_has_three_digits(count, words):
    """With the unit in which they are few."""
    assert words == plain(size(count))


def test_counted_knows_one_from_many():
    """And parts thousands."""
    assert counted(1, "poll") == "1 poll"
    assert counted(0, "poll") == "0 polls"
    assert counted(1_234, "poll") == "1,234 polls"
