from __future__ import annotations

import dataclasses

import pytest

from slurm_exporter.config import (
    DEFAULT_ENDPOINTS,
    MORE_ENDPOINTS,
    SOURCES,
    Endpoint,
    History,
    parse,
)


def endpoints(text):
    """The endpoints of a right config."""
    return parse(text, "x.yml").endpoints


@pytest.mark.parametrize("text", ["", "endpoints:", "endpoints: ~"])
def test_without_a_list_there_are_the_five_defaults(text):
    """A list whose items are all commented out counts as none."""
    assert endpoints(text) == DEFAULT_ENDPOINTS


def test_a_list_is_the_whole_truth():
    """What it does not name is not polled; the order is the file's."""
    assert [e.name for e in endpoints("endpoints: [{name: nodes}, {name: jobs}]")] == [
        "nodes",
        "jobs",
    ]


@pytest.mark.parametrize("default", DEFAULT_ENDPOINTS, ids=lambda default: default.name)
def test_a_name_alone_brings_the_defaults_of_that_endpoint(default):
    """Path and interval differ from one endpoint to the next."""
    assert endpoints(f"endpoints: [{{name: {default.name}}}]") == (default,)


def test_every_key_of_an_endpoint_is_obeyed():
    """Durations become seconds."""
    text = """
    endpoints:
      - name: jobs
        path: /slurm/jobs
        source: openmetrics
        enabled: true
        interval: 15s
        timeout: 2s500ms
        stale_after: 1m
        max_age: 1h
        on_expiry: keep
    """
    assert endpoints(text) == (
        Endpoint(
            name="jobs",
            path="/slurm/jobs",
            source="openmetrics",
            enabled=True,
            interval=15.0,
            cli_interval=15.0,
            timeout=2.5,
            stale_after=60.0,
            max_age=3600.0,
            on_expiry="keep",
        ),
    )


def test_slurm_timeout_is_the_timeout_of_endpoints_without_one():
    """Of listed ones and of the defaults."""
    text = "slurm: {timeout: 5s}\n"
    assert [e.timeout for e in endpoints(text)] == [5.0] * 5
    listed = endpoints(text + "endpoints: [{name: jobs}, {name: nodes, timeout: 7s}]")
    assert [e.timeout for e in listed] == [5.0, 7.0]


def test_slurm_source_is_the_source_of_endpoints_without_one():
    """Of listed ones and of the defaults; it is auto when nothing says another."""
    assert {e.source for e in endpoints("")} == {"auto"}
    text = "slurm: {source: cli}\n"
    assert {e.source for e in endpoints(text)} == {"cli"}
    listed = endpoints(text + "endpoints: [{name: jobs}, {name: nodes, source: openmetrics}]")
    assert [e.source for e in listed] == ["cli", "openmetrics"]


@pytest.mark.parametrize("listed", ["", "endpoints: [{name: jobs}, {name: jobs-users-accts}]"])
def test_commands_run_less_often_than_slurmctld_is_asked(listed):
    """By default; each run costs slurmctld more."""
    native = {e.name: (e.interval, e.cli_interval) for e in endpoints(listed)}
    asked = {e.name: e.interval for e in endpoints("slurm: {source: cli}\n" + listed)}
    assert (native["jobs"], asked["jobs"]) == ((30.0, 60.0), 60.0)
    assert (native["jobs-users-accts"], asked["jobs-users-accts"]) == ((120.0, 120.0), 120.0)


@pytest.mark.parametrize("source", SOURCES)
def test_an_interval_in_the_file_holds_for_every_source(source):
    [jobs] = endpoints(f"endpoints: [{{name: jobs, source: {source}, interval: 15s}}]")
    assert (jobs.interval, jobs.cli_interval) == (15.0, 15.0)


def test_the_intervals_of_commands_leave_room_for_a_longer_timeout(complaints):
    """It is compared with the intervals that will be used."""
    assert complaints("slurm: {source: cli, timeout: 45s}") == []
    assert len(complaints("slurm: {source: auto, timeout: 45s}")) == 2


@pytest.mark.parametrize("more", MORE_ENDPOINTS, ids=lambda more: more.name)
def test_an_endpoint_that_slurmctld_does_not_have_is_answered_by_commands(complaints, more):
    """Whatever the others are asked; it has neither another source nor a path."""
    text = "slurm: {source: openmetrics}\nendpoints: [{name: " + more.name
    assert endpoints(text + "}]") == (more,)
    assert complaints(text + ", source: cli}]") == []
    assert complaints(text + ", source: openmetrics}]") == [
        "2: endpoints[0].source: must be cli, not 'openmetrics': slurmctld has no such endpoint"
    ]
    assert complaints(text + ", path: /metrics/x}]") == [
        "2: endpoints[0].path: slurmctld has no such endpoint; its source is cli"
    ]


def test_endpoints_can_share_keys_through_an_alias():
    """A merge key spares writing them five times."""
    text = "endpoints: [&x {name: jobs, max_age: 1h}, {<<: *x, name: nodes}]"
    assert [(e.name, e.path, e.max_age) for e in endpoints(text)] == [
        ("jobs", "/metrics/jobs", 3600),
        ("nodes", "/metrics/nodes", 3600),
    ]


@pytest.mark.parametrize(
    "items", ["[]", "[{name: jobs, enabled: false}]", "[{name: jobs, enabled: no, interval: 1s}]"]
)
def test_a_list_with_nothing_to_poll_is_wrong(complaints, items):
    """An exporter that polls nothing would look healthy for ever."""
    assert complaints(f"endpoints: {items}") == [
        "1: endpoints: has no enabled endpoint, so there is nothing to poll"
    ]


def test_an_endpoint_that_could_not_be_read_may_have_been_enabled(complaints):
    """One mistake is one problem."""
    assert complaints("endpoints: [{name: jobs, enabled: false}, nodes]") == [
        "1: endpoints[1]: must be a mapping such as {name: jobs}, not a string"
    ]


def test_a_disabled_endpoint_stays_in_the_config():
    """It is shown, not polled."""
    both = endpoints("endpoints: [{name: jobs}, {name: nodes, enabled: false}]")
    assert both == (DEFAULT_ENDPOINTS[0], dataclasses.replace(DEFAULT_ENDPOINTS[1], enabled=False))


def test_an_unknown_endpoint_is_told_the_known_ones(complaints):
    """And the nearest where there is one."""
    every = (*DEFAULT_ENDPOINTS, *MORE_ENDPOINTS)
    known = f"only {', '.join(endpoint.name for endpoint in every)}"
    assert complaints("endpoints: [{name: node}, {name: steps}]") == [
        f"1: endpoints[0].name: there is no endpoint 'node', {known}; did you mean `nodes`?",
        f"1: endpoints[1].name: there is no endpoint 'steps', {known}",
    ]


def test_the_other_keys_of_an_unknown_endpoint_are_checked_all_the_same(complaints):
    """All the problems of a file come at once."""
    name, path = complaints("endpoints: [{name: steps, path: x, interval: 1s}]")
    assert "there is no endpoint" in name
    assert "must be a path" in path


def test_an_endpoint_needs_a_name(complaints):
    """An empty item has none either."""
    assert complaints("endpoints:\n- path: /x\n- \n") == [
        "2: endpoints[0].name: is required",
        "3: endpoints[1].name: is required",
    ]


def test_an_endpoint_is_listed_once(complaints):
    """Every further one names the line of the first, disabled or not."""
    text = "endpoints:\n- name: jobs\n- name: nodes\n- {name: jobs, enabled: false}\n- name: jobs\n"
    assert complaints(text) == [
        "4: endpoints[2].name: duplicate endpoint; first on line 2",
        "5: endpoints[3].name: duplicate endpoint; first on line 2",
    ]


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("enabled: 1", "enabled: must be true or false without quotes, not a number"),
        ("source: rest", "source: must be auto, openmetrics or cli, not 'rest'"),
        ("on_expiry: kep", "on_expiry: must be drop or keep, not 'kep'; did you mean `keep`?"),
        ("path: metrics", "path: must be a path that starts with / and has no spaces, ?, # or %"),
        ("inteval: 1m", "inteval: unknown key; did you mean `interval`?"),
    ],
)
def test_a_wrong_key_of_an_endpoint_is_noted(complaints, key, complaint):
    """With its place in the list."""
    [noted] = complaints(f"endpoints: [{{name: jobs, {key}}}]")
    assert noted.startswith(f"1: endpoints[0].{complaint}")


@pytest.mark.parametrize(
    ("keys", "history"),
    [
        ("", History()),
        (", since: 2025-11-01", History(since="2025-11-01")),
        (", since: 2025-11-01 00:00:00", History(since="2025-11-01 00:00:00")),
        (", since: 7 days ago, by: user, overlap: 1h", History("7 days ago", ("user",), 3600.0)),
        (", by: [user, account]", History(by=("account", "user"))),
        (", by: []", History()),
    ],
)
def test_the_history_has_keys_of_its_own(keys, history):
    """What is counted by has one order, so that another order is no other history."""
    [endpoint] = endpoints(f"endpoints: [{{name: history{keys}}}]")
    assert endpoint.history == history
    assert (endpoint.source, endpoint.interval) == ("cli", 300.0)


def test_no_other_endpoint_has_a_history(complaints):
    """Unless nobody knows which endpoint is meant."""
    assert endpoints("endpoints: [{name: jobs}]")[0].history is None
    assert len(complaints("endpoints: [{name: histroy, since: 1 day ago, by: user}]")) == 1
