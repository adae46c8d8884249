"""Asking slurmctld's native endpoints."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import DEFAULT_ENDPOINTS, Endpoint, Slurm
from slurm_exporter.errors import (
    AuthError,
    ConnectError,
    EmptyError,
    HttpStatusError,
    ParseError,
    PollTimeoutError,
    StandbyError,
    TooLargeError,
)
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources.openmetrics import OpenMetricsSource
from tests import fake_slurmctld as fake
from tests.fake_slurmctld import NAMES, FakeSlurmctld

if TYPE_CHECKING:
    import socket
    import threading

ENDPOINTS = {endpoint.name: endpoint for endpoint in DEFAULT_ENDPOINTS}


def source(
    *slurmctlds: FakeSlurmctld, endpoint: Endpoint = ENDPOINTS["jobs"], **settings: object
) -> OpenMetricsSource:
    slurm = Slurm(urls=tuple(one.url for one in slurmctlds))
    return OpenMetricsSource(slurm, dataclasses.replace(endpoint, **settings))


@pytest.fixture
def second() -> FakeSlurmctld:
    with FakeSlurmctld().running() as slurmctld:
        yield slurmctld


@pytest.mark.parametrize("name", NAMES)
def test_each_endpoint_is_asked_at_its_path(slurmctld: FakeSlurmctld, name: str) -> None:
    """One request, all families."""
    answer = source(slurmctld, endpoint=ENDPOINTS[name]).poll()

    assert slurmctld.requests == {f"/metrics/{name}": 1}
    assert answer.body_bytes == len(fake.recorded(name))
    assert len(answer.families) == fake.recorded(name).count(b"# TYPE")
    assert answer.dropped == {}


def test_an_answer_that_is_known_is_not_parsed_again(slurmctld: FakeSlurmctld) -> None:
    """It costs its download and a comparison; one changed digit is another answer."""
    jobs = source(slurmctld)
    known = jobs.poll().fingerprint

    assert jobs.poll(known) is None
    body = fake.recorded("jobs").replace(b"slurm_jobs_running ", b"slurm_jobs_running 1")
    slurmctld.behaviours["/metrics/jobs"] = fake.answer(body)
    assert jobs.poll(known).fingerprint != known


def test_fetching_and_parsing_are_timed(slurmctld: FakeSlurmctld) -> None:
    """A known answer is only fetched; one that is nonsense was parsed too; no answer is nothing."""
    jobs = source(slurmctld)
    first, again, nonsense, none = (Stopwatch() for _ in range(4))

    known = jobs.poll(stopwatch=first).fingerprint
    jobs.poll(known, again)
    slurmctld.behaviours["/metrics/jobs"] = fake.answer(b"<html>")
    with pytest.raises(ParseError):
        jobs.poll(known, nonsense)
    slurmctld.stop()
    with pytest.raises(ConnectError):
        jobs.poll(known, none)

    phases = [list(stopwatch.seconds) for stopwatch in (first, again, nonsense, none)]
    assert phases == [["fetch", "parse"], ["fetch"], ["fetch", "parse"], []]


def test_nothing_means_that_metrics_are_not_switched_on(slurmctld: FakeSlurmctld) -> None:
    """And the message says what to set."""
    slurmctld.behaviours["/metrics/jobs"] = fake.nothing()

    with pytest.raises(EmptyError, match=r"set MetricsType=metrics/openmetrics in slurm.conf"):
        source(slurmctld).poll()


def test_nothing_from_users_and_accounts_means_that_nobody_has_jobs(
    slurmctld: FakeSlurmctld,
) -> None:
    """A success without samples."""
    slurmctld.behaviours["/metrics/jobs-users-accts"] = fake.nothing()

    answer = source(slurmctld, endpoint=ENDPOINTS["jobs-users-accts"]).poll()

    assert (answer.families, answer.body_bytes) == ((), 0)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        ("401 Unauthorized", AuthError, "answered 401; slurmctld wants a token"),
        ("403 Forbidden", AuthError, "answered 403; slurmctld wants a token"),
        (
            "404 Not Found",
            HttpStatusError,
            "answered 404; is this slurmctld, and is slurm.url without",
        ),
        ("500 Internal Server Error", HttpStatusError, "answered 500"),
        ("204 No Content", HttpStatusError, "answered 204"),
        ("302 Found", HttpStatusError, "answered 302"),
    ],
)
def test_any_other_status_is_a_failure(
    slurmctld: FakeSlurmctld, status: str, error: type[Exception], words: str
) -> None:
    """With the status in the words."""
    slurmctld.behaviours["/metrics/jobs"] = fake.nothing(status)

    with pytest.raises(error, match=words):
        source(slurmctld).poll()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!doctype html><html>Login</html>", "not metrics; it begins with '<!doctype html>"),
        (b"Available endpoints:\n/metrics/jobs\n", "it begins with 'Available endpoints:'"),
        (b"\xff\xfe\x00", "not metrics"),
        (b"# HELP slurm_jobs All\n# TYPE slurm_jobs gauge\n", "not metrics"),
    ],
)
def test_an_answer_that_is_not_metrics_is_a_failure(
    slurmctld: FakeSlurmctld, body: bytes, words: str
) -> None:
    """Its beginning is shown."""
    slurmctld.behaviours["/metrics/jobs"] = fake.answer(body)

    with pytest.raises(ParseError, match=words):
        source(slurmctld).poll()


def test_another_endpoints_answer_is_a_failure(slurmctld: FakeSlurmctld) -> None:
    """A mistaken path in the config must not pass for data."""
    with pytest.raises(
        ParseError,
        match="none of the samples belongs to the endpoint jobs; is its path /metrics/nodes right",
    ):
        source(slurmctld, path="/metrics/nodes").poll()


def test_bytes_that_are_not_utf_8_cost_nothing_but_themselves(slurmctld: FakeSlurmctld) -> None:
    """They become replacement characters, since a page must be UTF-8."""
    body = fake.recorded("nodes").replace(b'node="n1"', b'node="n\xff"')
    slurmctld.behaviours["/metrics/nodes"] = fake.answer(body)

    answer = source(slurmctld, endpoint=ENDPOINTS["nodes"]).poll()

    assert any("n\ufffd" in row for family in answer.families for row in family.rows)
    assert answer.dropped == {}


def test_a_body_over_the_limit_is_a_failure(slurmctld: FakeSlurmctld) -> None:
    """The limit is the config's."""
    slurm = Slurm(urls=(slurmctld.url,), body_size_limit=100)

    with pytest.raises(TooLargeError, match="100 bytes"):
        OpenMetricsSource(slurm, ENDPOINTS["jobs"]).poll()


def test_all_time_is_within_the_endpoints_timeout(slurmctld: FakeSlurmctld) -> None:
    """The message names the URL and the seconds."""
    slurmctld.behaviours["/metrics/jobs"] = fake.hang()

    with pytest.raises(PollTimeoutError, match=r"/metrics/jobs within 0.2 s"):
        source(slurmctld, timeout=0.2).poll()


# ------------------------------------------------------------------ several controllers


def standby(location: str) -> fake.Behaviour:
    return fake.nothing("303 See Other", f"Location: {location}\r\n")


def test_a_standby_that_names_a_host_of_the_config_passes_the_turn(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """The active controller is asked in the same poll, and first in the next."""
    slurmctld.behaviours["/metrics/jobs"] = standby(f"{second.url}/metrics/jobs")
    jobs = source(slurmctld, second)

    jobs.poll()
    jobs.poll()

    assert slurmctld.requests["/metrics/jobs"] == 1
    assert second.requests["/metrics/jobs"] == 2


def test_a_standby_that_names_another_host_is_not_followed(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """Only hosts that the operator wrote down are ever contacted."""
    slurmctld.behaviours["/metrics/jobs"] = standby(f"{second.url}/metrics/jobs")

    with pytest.raises(
        StandbyError,
        match=r"is a standby controller and points to \S+, which slurm.urls does not name",
    ):
        source(slurmctld).poll()
    assert not second.requests


def test_a_dead_primary_passes_the_turn(slurmctld: FakeSlurmctld, second: FakeSlurmctld) -> None:
    """The standby has taken over."""
    slurmctld.stop()

    assert source(slurmctld, second).poll().families


def test_a_hanging_primary_leaves_time_for_the_next(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """One controller's silence takes its share of the timeout, not all of it."""
    slurmctld.behaviours["/metrics/jobs"] = fake.hang()
    jobs = source(slurmctld, second, timeout=1.0)

    assert jobs.poll().families
    assert jobs.poll().families
    assert slurmctld.requests["/metrics/jobs"] == 1


def test_the_controller_that_answers_has_most_of_the_time(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """A slow answer must not fail because a standby might have been asked."""

    def slowly(connection: socket.socket, stop: threading.Event) -> None:
        stop.wait(1.2)
        fake.answer(fake.recorded("jobs"))(connection, stop)

    slurmctld.behaviours["/metrics/jobs"] = slowly

    assert source(slurmctld, second, timeout=2.0).poll().families
    assert not second.requests


def test_when_no_controller_answers_each_ones_reason_is_told(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """A dead primary explains more than its standby does."""
    slurmctld.behaviours["/metrics/jobs"] = standby(f"{second.url}/metrics/jobs")
    second.stop()

    with pytest.raises(
        ConnectError, match=r"is a standby controller and points to \S+; .*connection refused"
    ):
        source(slurmctld, second).poll()


def test_a_refusal_is_not_carried_to_the_next_controller(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """401 says the same everywhere."""
    slurmctld.behaviours["/metrics/jobs"] = fake.nothing("401 Unauthorized")

    with pytest.raises(AuthError):
        source(slurmctld, second).poll()
    assert not second.requests
