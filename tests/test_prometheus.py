"""Real Prometheus reads what we serve, in every format it can choose, and complains of nothing."""

from __future__ import annotations

import gzip
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_slurmctld import NAMES, FakeSlurmctld, recorded
from tests.processes import FREE_PORT, Exporter, read_samples, series, settings, until
from tests.prometheus import Prometheus, program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.prometheus

USER = {"username": "prometheus", "password": "correct-horse-battery"}
TROUBLE = re.compile(r'level"?[=:]"?(?:warn|error)|Append failed|Scrape failed', re.IGNORECASE)


def jobs(port: int, version: tuple[int, int]) -> list[dict[str, Any]]:
    """What to scrape: what is negotiated, and each format by itself where one can be chosen."""
    common = {"basic_auth": USER, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    formats = ["PrometheusText0.0.4", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0"]
    formats += ["PrometheusText1.0.0"] * (version >= (3, 0))
    chosen: list[dict[str, Any]] = [
        {"job_name": name, "scrape_protocols": [name]} for name in formats
    ]
    plain = {"job_name": "uncompressed", "enable_compression": False}
    choices = [*chosen, plain] if version >= (2, 49) else []
    return [{**choice, **common} for choice in ({"job_name": "negotiated"}, *choices)]


@pytest.fixture(scope="module")
def version() -> tuple[int, int]:
    """Prometheus' version."""
    said = subprocess.run(
        [program("prometheus"), "--version"], capture_output=True, text=True, check=True
    )
    match = re.search(r"version (\d+)\.(\d+)", said.stdout + said.stderr)
    assert match
    return int(match[1]), int(match[2])


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeSlurmctld]:
    """A slurmctld for all tests of this module."""
    with FakeSlurmctld().running() as fake:
        yield fake


@pytest.fixture(scope="module")
def exporter(fake: FakeSlurmctld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter that forgets after four seconds, with a password and a label."""
    config = settings(fake.url, stale_after="2s", max_age="4s") | {
        "server": {"basic_auth": {"enabled": True} | USER},
        "labels": {"cluster": 'the "big" one'},
    }
    with Exporter(tmp_path_factory.mktemp("exporter"), config, FREE_PORT) as exporter:
        yield exporter


@pytest.fixture(scope="module")
def prometheus(
    exporter: Exporter, version: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that has scraped every job more than once."""
    directory = tmp_path_factory.mktemp("prometheus")
    with Prometheus(directory, jobs(exporter.port, version)) as prometheus:
        ready = 'count_over_time(slurm_exporter_endpoint_up{endpoint="scheduler"}[1m]) > 1'
        until(
            lambda: prometheus.values(ready).keys() == set(prometheus.jobs),
            "two scrapes of each job",
        )
        yield prometheus


def test_every_target_is_up(prometheus: Prometheus) -> None:
    assert prometheus.targets() == dict.fromkeys(prometheus.jobs, ("up", ""))


@pytest.mark.parametrize("name", ["slurm_jobs_running", "slurm_nodes", "slurm_sdiag_jobs_started"])
def test_slurms_numbers_arrive(prometheus: Prometheus, name: str) -> None:
    said = read_samples("".join(recorded(endpoint).decode() for endpoint in NAMES))
    expected = said[series(name)]
    found = prometheus.values(f"{name}{{cluster='the \"big\" one'}}")
    assert found == dict.fromkeys(prometheus.jobs, expected)


def test_every_series_of_slurms_arrives(prometheus: Prometheus) -> None:
    """Counted: none was dropped, and none was made twice."""
    said = read_samples("".join(recorded(name).decode() for name in NAMES))
    found = prometheus.values(
        'count by (job) ({__name__=~"slurm_.*",__name__!~"slurm_exporter_.*"})'
    )
    assert found == dict.fromkeys(prometheus.jobs, len(said))


def test_our_own_numbers_arrive(prometheus: Prometheus) -> None:
    up = prometheus.values("sum by (job) (slurm_exporter_endpoint_up)")
    assert up == dict.fromkeys(prometheus.jobs, len(NAMES))
    assert prometheus.values("slurm_exporter_build_info") == dict.fromkeys(prometheus.jobs, 1)


def test_the_histogram_of_durations_can_be_used(prometheus: Prometheus) -> None:
    quantile = prometheus.values(
        "histogram_quantile(0.9, sum by (job, le) (slurm_exporter_poll_duration_seconds_bucket))"
    )
    assert quantile.keys() == set(prometheus.jobs)
    assert all(0 < seconds < 60 for seconds in quantile.values())


def test_prometheus_knows_what_the_metrics_are(prometheus: Prometheus) -> None:
    metadata = prometheus.ask("metadata")
    types = {name: {entry["type"] for entry in entries} for name, entries in metadata.items()}
    assert types["slurm_jobs_running"] == {"gauge"}
    assert types["slurm_exporter_endpoint_age_seconds"] == {"gauge"}
    assert types["slurm_exporter_poll_duration_seconds"] == {"histogram"}
    assert all(entry["help"] for entries in metadata.values() for entry in entries)


def test_slurmctld_can_go_away_and_come_back(prometheus: Prometheus, fake: FakeSlurmctld) -> None:
    """The target stays up, our gauge falls, and expired series end at once, not minutes later."""
    none, all_of_them = (dict.fromkeys(prometheus.jobs, number) for number in (0, len(NAMES)))
    up = "sum by (job) (slurm_exporter_endpoint_up)"
    fake.stop()
    try:
        until(lambda: prometheus.values(up) == none, "the failed polls")
        until(lambda: not prometheus.values("slurm_jobs_running"), "the end of the series")
        assert prometheus.values("sum by (job) (slurm_exporter_endpoint_stale)") == all_of_them
        assert prometheus.values("min_over_time(up[1m])") == dict.fromkeys(prometheus.jobs, 1)
    finally:
        fake.start()
    until(lambda: prometheus.values(up) == all_of_them, "the recovery")
    assert prometheus.values("slurm_jobs_running").keys() == set(prometheus.jobs)


def test_the_log_has_no_complaint(prometheus: Prometheus) -> None:
    """Also not about samples that came twice or out of order, after all that happened above."""
    assert [line for line in prometheus.log().splitlines() if TROUBLE.search(line)] == []
    assert prometheus.targets() == dict.fromkeys(prometheus.jobs, ("up", ""))


# ------------------------------------------------------------------ promtool


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("text", ["0.0.4", "1.0.0"])
@pytest.mark.parametrize("demo", [False, True], ids=["recorded", "demo"])
def test_promtool_has_nothing_to_say(
    pages: dict[bool, Exporter], *, demo: bool, text: str, encoding: str
) -> None:
    headers = {"Accept": f"text/plain;version={text}", "Accept-Encoding": encoding}
    response = pages[demo].get(**headers)
    body = gzip.decompress(response.body) if encoding == "gzip" else response.body
    assert response.headers["Content-Type"].startswith(f"text/plain; version={text}")
    result = subprocess.run(
        [program("promtool"), "check", "metrics"], input=body, capture_output=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


@pytest.fixture(scope="module")
def pages(
    fake: FakeSlurmctld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[bool, Exporter]]:
    """Two exporters with full pages: of a recorded slurmctld (False), and of the demo (True)."""
    directory = tmp_path_factory.mktemp
    config = settings(fake.url)
    with (
        Exporter(directory("recorded"), config, FREE_PORT) as recorded_one,
        Exporter(directory("demo"), config, FREE_PORT, "--demo") as demo,
    ):
        for exporter in (recorded_one, demo):
            until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")  # noqa: B023
        yield {False: recorded_one, True: demo}
