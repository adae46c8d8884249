from __future__ import annotations

import pytest


def endpoint(**keys):
    """A config whose only endpoint has these keys, on its second line."""
    pairs = ", ".join(f"{key}: {value}" for key, value in {"name": "nodes", **keys}.items())
    return f"endpoints:\n  - {{{pairs}}}\n"


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"interval": "10s"},
        {"interval": "1s", "timeout": "1s"},
        {"interval": "1d", "timeout": "1h"},
        {"interval": "30s", "stale_after": "30s", "max_age": "30s"},
        {"stale_after": "365d", "max_age": "365d"},
        {"stale_after": "5m10s"},
        {"max_age": "2m10s"},
    ],
)
def test_times_that_agree_pass(complaints, keys):
    """Each bound itself is allowed; defaults are 2 and 5 intervals of a minute plus 10s."""
    assert complaints(endpoint(**keys)) == []


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"interval": "999ms"}, "interval: must be from 1s to 1d, not '999ms'"),
        ({"interval": "25h"}, "interval: must be from 1s to 1d, not '25h'"),
        ({"timeout": "99ms"}, "timeout: must be from 100ms to 1h, not '99ms'"),
        ({"timeout": "61m"}, "timeout: must be from 100ms to 1h, not '61m'"),
        ({"max_age": "366d"}, "max_age: must be from 1s to 365d, not '366d'"),
        ({"stale_after": "0"}, "stale_after: must be from 1s to 365d, not '0'"),
        (
            {"interval": "20s", "timeout": "25s"},
            "timeout: 25s is longer than the interval of 20s",
        ),
        (
            {"timeout": "61s"},
            "timeout: 1m1s is longer than the interval of 1m (the default)",
        ),
        (
            {"interval": "9s"},
            "timeout: 10s from slurm.timeout (the default) is longer than the interval of 9s",
        ),
        ({"stale_after": "59s"}, "stale_after: 59s is shorter than the interval of 1m"),
        ({"max_age": "59s"}, "max_age: 59s is shorter than the interval of 1m"),
        (
            {"stale_after": "4m", "max_age": "3m"},
            "max_age: 3m is shorter than stale_after of 4m",
        ),
        (
            {"max_age": "2m"},
            "max_age: 2m is shorter than stale_after of 2m10s (the default)",
        ),
        (
            {"stale_after": "6m"},
            "stale_after: 6m is longer than max_age of 5m10s (the default); set max_age too",
        ),
    ],
)
def test_times_that_contradict_each_other_are_noted_with_both_numbers(complaints, keys, complaint):
    """And where a number is not in the file, with where it came from."""
    assert complaints(endpoint(**keys)) == [f"2: endpoints[0].{complaint}"]


def test_an_inherited_timeout_says_where_it_came_from(complaints):
    """The operator finds it in another section."""
    assert complaints("slurm: {timeout: 45s}\n" + endpoint(interval="40s")) == [
        "3: endpoints[0].timeout: 45s from slurm.timeout is longer than the interval of 40s"
    ]


def test_an_inherited_timeout_is_compared_with_the_default_endpoints(complaints):
    """Where there is no list, the key to change is slurm.timeout."""
    assert complaints("slurm: {timeout: 45s}") == [
        "1: slurm.timeout: 45s is longer than the interval of 30s (the default)"
        f" of the endpoint {name}"
        for name in ("jobs", "scheduler")
    ]


def test_the_times_of_a_disabled_endpoint_may_contradict_each_other(complaints):
    """It is not polled; a bad duration is one all the same."""
    jobs = "\n  - name: jobs"
    assert complaints(endpoint(enabled="false", interval="5s") + jobs) == []
    assert complaints(endpoint(enabled="false", interval="5") + jobs) == [
        "2: endpoints[0].interval: a duration needs a unit; write 5s for seconds"
    ]


@pytest.mark.parametrize(
    "keys",
    [
        {"interval": "5", "timeout": "50s", "max_age": "20s"},
        {"interval": "5s", "timeout": "50"},
        {"intervall": "5m", "timeout": "2m"},
        {"stale_after": "1d", "max_age": "tomorrow"},
    ],
)
def test_a_wrong_time_is_compared_with_nothing(complaints, keys):
    """One mistake is one problem: its stand-in is not what the operator meant."""
    assert len(complaints(endpoint(**keys))) == 1


@pytest.mark.parametrize("slurm", ["[]x", "{timeout: 50}", "{timout: 5s}", "x"])
def test_a_wrong_inherited_timeout_is_compared_with_nothing(complaints, slurm):
    """Nor is the default that stands in for it."""
    for text in ("", endpoint(interval="5s"), endpoint(max_age="61s")):
        assert len(complaints(f"slurm: {slurm}\n{text}")) == 1


def test_ages_that_are_both_given_are_compared_whatever_the_timeout(complaints):
    """No default takes part in it."""
    assert complaints(endpoint(timeout="5", stale_after="4m", max_age="3m")) == [
        "2: endpoints[0].timeout: a duration needs a unit; write 5s for seconds",
        "2: endpoints[0].max_age: 3m is shorter than stale_after of 4m",
    ]
