"""Asking slurmctld's native endpoints."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import DEFAULT_ENDPOINTS, Endpoint, Slurm
from slurm_exporter.errors import ConnectError, EmptyError, ParseError, PollTimeoutError
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources.corrections import Corrections
from slurm_exporter.sources.openmetrics import OpenMetricsSource
from slurm_exporter.sources.slurmctld import Slurmctld
from tests import fake_slurmctld as fake
from tests.fake_slurmctld import NAMES

if TYPE_CHECKING:
    from tests.fake_slurmctld import FakeSlurmctld

ENDPOINTS = {endpoint.name: endpoint for endpoint in DEFAULT_ENDPOINTS}


def source(
    slurmctld: FakeSlurmctld, endpoint: Endpoint = ENDPOINTS["jobs"], **settings: object
) -> OpenMetricsSource:
    asked = Slurmctld(Slurm(urls=(slurmctld.url,)))
    return OpenMetricsSource(asked, dataclasses.replace(endpoint, **settings))


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

    again = jobs.poll(known)
    assert (again.families, again.fingerprint) == (None, known)
    body = fake.recorded("jobs").replace(b"slurm_jobs_running ", b"slurm_jobs_running 1")
    slurmctld.behaviours["/metrics/jobs"] = fake.answer(body)
    assert jobs.poll(known).fingerprint != known


def test_numbers_are_passed_on_as_they_are_unless_they_are_to_be_corrected(
    slurmctld: FakeSlurmctld,
) -> None:
    """slurmctld's bytes are MiB."""
    asked, nodes = Slurmctld(Slurm(urls=(slurmctld.url,))), ENDPOINTS["nodes"]

    def memory(corrections: Corrections | None) -> str:
        families = OpenMetricsSource(asked, nodes, corrections).poll().families or ()
        [one] = [family for family in families if family.name == "slurm_node_memory_bytes"]
        return dict(one.rows)["n1"]

    assert memory(None) == "16000"
    assert memory(Corrections()) == str(16_000 * 2**20)


def test_an_answer_that_is_known_is_corrected_anew_when_others_have_learned(
    slurmctld: FakeSlurmctld,
) -> None:
    """Until then it is known."""
    asked, corrections = Slurmctld(Slurm(urls=(slurmctld.url,))), Corrections()
    jobs, nodes = (
        OpenMetricsSource(asked, ENDPOINTS[name], corrections) for name in ("jobs", "nodes")
    )
    before = jobs.poll().fingerprint

    assert jobs.poll(before).families is None
    nodes.poll()
    after = jobs.poll(before)
    assert after.families is not None
    assert jobs.poll(after.fingerprint).families is None


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


def test_all_time_is_within_the_endpoints_timeout(slurmctld: FakeSlurmctld) -> None:
    """The message names the URL and the seconds."""
    slurmctld.behaviours["/metrics/jobs"] = fake.hang()

    with pytest.raises(PollTimeoutError, match=r"/metrics/jobs within 0.2 s"):
        source(slurmctld, timeout=0.2).poll()
