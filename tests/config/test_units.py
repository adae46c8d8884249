from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.config import format_duration, parse_duration, parse_size

DAY = 86_400
UNITS = ("y", "w", "d", "h", "m", "s", "ms")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 0.5),
        ("10s", 10),
        ("90s", 90),
        ("1m30s", 90),
        ("1m500ms", 60.5),
        ("1h", 3600),
        ("1d", DAY),
        ("2w", 14 * DAY),
        ("1y", 365 * DAY),
        ("1y1w1d1h1m1s1ms", 373 * DAY + 3661.001),
    ],
)
def test_durations_are_read_as_prometheus_reads_them(text, seconds):
    """Every unit counts, alone and in a row."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "10 s",
        " 10s",
        "10S",
        "1.5s",
        "-1s",
        "+1s",
        "30s1m",
        "1s1s",
        "10sec",
        "\u0661s",
        "1_0s",
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    """Order, signs, fractions and blanks are Prometheus' too."""
    with pytest.raises(ValueError, match=r"must be a duration such as 30s or 1m30s, not '.*'"):
        parse_duration(text)


def test_a_bare_number_is_refused_with_the_unit_it_needs():
    """The message shows what to write."""
    with pytest.raises(ValueError, match=r"^a duration needs a unit; write 30s for seconds$"):
        parse_duration("30")


def test_a_number_of_a_thousand_digits_is_no_duration():
    """Python's own limit on the digits of an integer is never met."""
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration("9" * 5000 + "s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0004, "0s"),
        (0.1, "100ms"),
        (1.5, "1s500ms"),
        (30.0, "30s"),
        (90, "1m30s"),
        (3600, "1h"),
        (365 * DAY, "365d"),
    ],
)
def test_durations_are_written_for_people(seconds, text):
    """Days are the largest unit: nobody counts a timeout in years."""
    assert format_duration(seconds) == text


@given(milliseconds=st.integers(min_value=0, max_value=10**12))
def test_what_is_written_is_read_back(milliseconds):
    """Messages and files speak the same language."""
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@given(counts=st.lists(st.integers(0, 10**6), min_size=len(UNITS), max_size=len(UNITS)))
def test_a_row_of_units_is_the_sum_of_its_parts(counts):
    """No unit is taken for another, ``m`` not for ``ms``."""
    parts = [f"{count}{unit}" for count, unit in zip(counts, UNITS, strict=True)]
    whole = parse_duration("".join(parts))
    assert whole == pytest.approx(sum(map(parse_duration, parts)))


@given(text=st.text(alphabet="0123456789ywdhms. -"))
def test_a_duration_is_never_negative_and_never_another_exception(text):
    """What is refused is refused with a ValueError."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("100B", 100),
        ("1KB", 1024),
        ("512KiB", 512 * 1024),
        ("10MB", 10 * 1024**2),
        ("1GiB", 1024**3),
        ("2TB", 2 * 1024**4),
    ],
)
def test_sizes_are_read_as_prometheus_reads_them(text, size):
    """KB and KiB are both 1024 bytes, as in ``body_size_limit``."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "10 MB", "1.5GB", "-1MB", "10mb", "10M", "1iB", "1PB"])
def test_what_is_no_size_is_refused_with_examples(text):
    """The message shows the forms that there are."""
    with pytest.raises(ValueError, match="must be a size such as 10MB, 512KiB or 4096, not '"):
        parse_size(text)


@given(number=st.integers(0, 10**12), unit=st.sampled_from(["K", "M", "G", "T"]))
def test_both_spellings_of_a_unit_mean_the_same(number, unit):
    """A size is a whole number of its unit."""
    assert parse_size(f"{number}{unit}B") == parse_size(f"{number}{unit}iB")
    assert parse_size(f"{number}{unit}B") >= number * 1024
