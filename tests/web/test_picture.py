"""The picture of the recent polls."""

from __future__ import annotations

import re

from slurm_exporter.snapshot import RECENT
from slurm_exporter.web.picture import bars, caption
from tests.web.stories import NOW, bad, endpoint, good, steady, told


def recent(*polls):
    """These polls as the page's facts tell them."""
    return told(endpoint("jobs", *polls))["endpoints"][0]["recent"]


def drawn(*polls):
    """The groups of the picture of these polls."""
    return re.findall("<g.*?</g>", bars(recent(*polls), NOW.wall))


def top(group):
    """The height at which a bar or a stem ends; the picture's own top is 0."""
    return float(re.search(r"V([\d.]+)", group)[1])


def left(group):
    """Where a poll's slot begins."""
    return int(re.search(r'x="(\d+)"', group)[1])


def test_each_poll_has_a_slot_and_the_newest_is_at_the_right():
    """The picture is 360 wide, for 60 polls, and fills from the right."""
    assert [left(group) for group in drawn(good(42), good(12))] == [348, 354]
    assert list(range(0, 360, 6)) == [left(g) for g in drawn(*steady(30, [0.04] * (RECENT + 5)))]


def test_a_bar_is_as_high_as_its_poll_was_long():
    """The longest fills the picture."""
    tops = [top(group) for group in drawn(good(72, 0.1), good(42, 0.2), good(12, 0.4))]

    assert tops == [43, 30, 4]


def test_very_fast_polls_stay_low():
    """Two milliseconds more or less are no news, and nothing is too low to be seen."""
    assert [top(group) for group in drawn(good(42, 0.002), good(12, 0.00001))] == [45.6, 54.5]


def test_a_failed_poll_has_another_shape_and_not_only_another_colour():
    """A stem with a cross, where the others have bars."""
    done, failed = drawn(good(42), bad(12, "timeout", "too late", 10.0))

    assert done.startswith("<g><title>14:29:18 UTC, 43\N{NO-BREAK SPACE}ms</title>")
    assert done.count("h4") == 1
    assert failed.startswith(
        '<g class="failed"><title>14:29:48 UTC, 10\N{NO-BREAK SPACE}s, failed: timeout</title>'
    )
    assert failed.count("l") > done.count("l")


def test_a_timeout_does_not_flatten_the_polls_beside_it():
    """The scale is that of successful polls, and a longer failure is cut."""
    tops = [top(group) for group in drawn(good(42, 0.05), bad(12, "timeout", "too late", 10.0))]

    assert tops == [4, 4]


def test_failures_alone_make_the_scale():
    """When nothing has succeeded, the longest failure fills the picture."""
    polls = bad(42, "timeout", "too late", 10.0), bad(12, "connect", "refused", 5.0)

    assert [top(group) for group in drawn(*polls)] == [4, 30]


def test_the_caption_says_what_the_picture_shows():
    """For those who cannot see it, or not see enough."""
    polls = recent(good(72), bad(42, "timeout", "too late", 10.0), good(12))
    words = caption(polls, NOW.wall).replace("\N{NO-BREAK SPACE}", " ")

    assert words == "3 polls in 1 min 12 s, longest 10 s, 1 failed"
    assert "failed" not in caption(recent(good(12)), NOW.wall)
    assert caption([], NOW.wall) == "no poll yet"
