"""The summary: one line that says how all endpoints are."""

from __future__ import annotations

import math

import pytest

from slurm_exporter.web.summary import Summary, condition, summarise
from tests.web.stories import bad, endpoint, good, told

PASTS = {
    "hanging": [good(12)],
    "up": [good(12)],
    "failing": [good(42), bad(12, "connect", "refused")],
    "stale": [good(100)],
    "expired": [good(1_000)],
    "never": [bad(12, "connect", "refused")],
    "waiting": [],
}


def endpoints(**conditions):
    """Facts of endpoints in these conditions."""
    views = [
        endpoint(name, *PASTS[past], expected=0.0 if past == "hanging" else math.inf)
        for name, past in conditions.items()
    ]
    return told(*views)["endpoints"]


@pytest.mark.parametrize("past", PASTS)
def test_condition_is_the_state_unless_that_would_mislead(past):
    """Up with a failed poll is failing, up with a poller that hangs is hanging, and so on."""
    (only,) = endpoints(jobs=past)

    assert past == condition(only)


@pytest.mark.parametrize(
    ("conditions", "summary"),
    [
        ({}, Summary("waiting", "No endpoint is enabled")),
        ({"jobs": "up"}, Summary("up", "jobs is up")),
        ({"jobs": "hanging"}, Summary("hanging", "jobs hangs")),
        (
            {"jobs": "hanging", "nodes": "hanging", "x": "expired"},
            Summary(
                "hanging",
                "3 of 3 endpoints need attention",
                "jobs and nodes hang; x has expired",
            ),
        ),
        ({"jobs": "never"}, Summary("never", "jobs has never answered")),
        ({"jobs": "up", "nodes": "up"}, Summary("up", "All 2 endpoints are up")),
        (
            {"jobs": "expired", "nodes": "expired"},
            Summary("expired", "All 2 endpoints have expired"),
        ),
        (
            {"jobs": "waiting", "nodes": "waiting"},
            Summary("waiting", "All 2 endpoints wait for their first poll"),
        ),
        (
            {"jobs": "up", "nodes": "waiting"},
            Summary("waiting", "1 of 2 endpoints is up", "nodes waits for its first poll"),
        ),
        (
            {"a": "up", "b": "waiting", "c": "up", "d": "waiting"},
            Summary("waiting", "2 of 4 endpoints are up", "b and d wait for their first poll"),
        ),
        (
            {"jobs": "failing", "nodes": "up"},
            Summary("failing", "1 of 2 endpoints needs attention", "jobs is failing"),
        ),
        (
            {"a": "stale", "b": "up", "c": "never", "d": "stale", "e": "waiting", "f": "stale"},
            Summary(
                "never",
                "4 of 6 endpoints need attention",
                "c has never answered; a, d and f are stale; e waits for its first poll",
            ),
        ),
    ],
)
def test_summary_names_what_needs_attention_and_the_worst_first(conditions, summary):
    """In a headline, and in details where the headline does not say it all."""
    assert summary == summarise(endpoints(**conditions))
