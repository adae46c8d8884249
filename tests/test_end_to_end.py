"""The command against a fake slurmctld: what goes in comes out, and no scrape goes through."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import re
import shutil
import statistics
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.fake_slurmctld import NAMES, FakeSlurmctld, recorded
from tests.needs import need
from tests.processes import Exporter, Samples, read_samples, samples_of, slurms_own, until

if TYPE_CHECKING:
    from collections.abc import Iterator

LABELS = {"cluster": "cluster01", "env": "prod", "region": "eu-west-1"}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PATHS = ("/metrics", "/", "/-/healthy", "/-/ready", "/api/v1/endpoints")
ROW = re.compile(r"^(\w+)(?:\{.*\})? (\S+)$", re.MULTILINE)


def authorization(name: str, password: str) -> dict[str, str]:
    """The header of HTTP basic authentication."""
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


ADMIN = authorization("admin", "password")


def first_specification(url: str) -> dict[str, Any]:
    """The config file of the project's first specification, but for its port and URL."""
    return {
        "slurm": {"url": url, "timeout": "10s"},
        "server": {
            "port": 0,
            "basic_auth": {"enabled": True, "username": "admin", "password": "password"},
            "ssl": {
                "enabled": False,
                "cert_file": "/path/to/cert.pem",
                "key_file": "/path/to/key.pem",
            },
        },
        "endpoints": [
            {"name": name, "path": f"/metrics/{name}", "enabled": True} for name in NAMES
        ],
        "labels": LABELS,
        "logging": {"level": "info", "output": "stdout"},
    }


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeSlurmctld]:
    """A slurmctld for all tests of this module."""
    with FakeSlurmctld().running() as fake:
        yield fake


@pytest.fixture(scope="module")
def exporter(fake: FakeSlurmctld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter that has polled each endpoint once, and will not again for half a minute."""
    config = first_specification(fake.url)
    with Exporter(tmp_path_factory.mktemp("exporter"), config) as exporter:
        until(lambda: exporter.get("/-/ready", **ADMIN).status == 200, "all five endpoints")
        yield exporter


def sent() -> str:
    """What the fake slurmctld says, all endpoints together."""
    return "".join(recorded(name).decode() for name in NAMES)


def as_served(samples: Samples) -> Samples:
    """The samples with the labels that the config puts on each."""
    return {
        (name, labels | set(LABELS.items())): value for (name, labels), value in samples.items()
    }


def test_the_first_specifications_config_runs_as_it_is(exporter: Exporter) -> None:
    """It listens, polls the five endpoints at the default intervals and logs to stdout."""
    samples = exporter.samples(**ADMIN)
    intervals = {
        dict(labels)["endpoint"]: value
        for (name, labels), value in samples.items()
        if name == "slurm_exporter_endpoint_interval_seconds"
    }
    assert intervals == {
        "jobs": 30.0,
        "nodes": 60.0,
        "partitions": 60.0,
        "jobs-users-accts": 120.0,
        "scheduler": 30.0,
    }
    assert exporter.stderr.read_text(encoding="utf-8") == ""
    assert "event=exporter.started" in exporter.stdout.read_text(encoding="utf-8")


def test_the_page_is_what_slurmctld_said_plus_labels(exporter: Exporter) -> None:
    page = exporter.samples(**ADMIN)
    assert slurms_own(page) == as_served(read_samples(sent()))


def test_numbers_are_written_as_slurmctld_wrote_them(exporter: Exporter) -> None:
    """Digit for digit: a parser's float would lose some."""
    rows = ROW.findall(exporter.get(**ADMIN).text)
    said = ROW.findall(sent())
    assert sorted(row for row in rows if row[0] in dict(said)) == sorted(said)


def test_openmetrics_says_the_same(exporter: Exporter) -> None:
    response = exporter.get(Accept=OPENMETRICS, **ADMIN)
    families = text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
    assert slurms_own(samples_of(families)) == as_served(read_samples(sent()))
    assert response.headers["Content-Type"].startswith(OPENMETRICS)


@pytest.mark.parametrize("accept", ["text/plain;version=0.0.4", OPENMETRICS])
def test_a_compressed_page_says_the_same(exporter: Exporter, accept: str) -> None:
    """All of Slurm's lines, which do not change between two scrapes, are equal."""
    headers = {"Accept": accept, **ADMIN}
    packed = exporter.get(**headers, **{"Accept-Encoding": "gzip"})
    lines = exporter.get(**headers).text.splitlines()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body).decode().splitlines()[:1000] == lines[:1000]


def test_curl_reads_a_compressed_page(exporter: Exporter) -> None:
    """Slurm's part of it and ours: the joined pieces are one gzip member to others' readers too."""
    curl = shutil.which("curl")
    need("curl", None if curl else "curl is not installed")
    url = f"http://127.0.0.1:{exporter.port}/metrics"
    options = ["--silent", "--show-error", "--fail", "--compressed", "--user", "admin:password"]

    said = subprocess.run(
        [str(curl), *options, "--write-out", "%{size_download}", url],
        capture_output=True,
        text=True,
        check=True,
    )
    text, _, downloaded = said.stdout.rpartition("\n")

    plain = exporter.get(**ADMIN).text
    assert read_samples(f"{text}\n").keys() == read_samples(plain).keys()
    assert int(downloaded) < len(plain) / 2


def test_labels_go_onto_our_own_metrics_but_not_the_interpreters(exporter: Exporter) -> None:
    page = exporter.samples(**ADMIN)
    labelled = {name for name, labels in page if set(LABELS.items()) <= labels}
    bare = {name for name, labels in page if not labels & set(LABELS.items())}
    assert {name.split("_")[0] for name in labelled} == {"slurm"}
    assert {name.split("_")[0] for name in bare} == {"process", "python"}
    assert {"slurm_exporter_build_info", "slurm_exporter_http_requests_total"} <= labelled


def test_a_thousand_scrapes_do_not_reach_slurmctld(exporter: Exporter, fake: FakeSlurmctld) -> None:
    """The requests that it gets are the pollers' own: as many as they count themselves."""
    before = sum(fake.requests.values())
    with keep_alive(exporter) as connection:
        for _ in range(1000):
            assert ask(connection, "/metrics").status == 200
        assert {ask(connection, path).status for path in PATHS} == {200}
    polls = sum(
        value
        for (name, _), value in exporter.samples(**ADMIN).items()
        if name == "slurm_exporter_polls_total"
    )
    assert before >= len(NAMES)
    assert sum(fake.requests.values()) == polls
    assert polls - before <= len(NAMES)


def test_a_short_answer_is_sent_at_once(exporter: Exporter) -> None:
    """Nagle's algorithm would hold back the body until the client's delayed acknowledgement."""
    with keep_alive(exporter) as connection:
        seconds = []
        for _ in range(25):
            began = time.perf_counter()
            ask(connection, "/-/healthy")
            seconds.append(time.perf_counter() - began)
    assert statistics.median(seconds) < 0.03


@contextlib.contextmanager
def keep_alive(exporter: Exporter) -> Iterator[http.client.HTTPConnection]:
    """One connection for many requests, as Prometheus has it."""
    connection = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=10)
    with contextlib.closing(connection):
        yield connection


def ask(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    """GET a page to its end."""
    connection.request("GET", path, headers=ADMIN)
    answer = connection.getresponse()
    answer.read()
    return answer


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        authorization("admin", "wrong"),
        authorization("root", "password"),
        {"Authorization": "Bearer password"},
    ],
    ids=["nothing", "wrong password", "wrong user", "wrong scheme"],
)
def test_only_the_configs_user_may_read(
    exporter: Exporter, path: str, headers: dict[str, str]
) -> None:
    refused = exporter.get(path, **headers)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert exporter.get(path, **ADMIN).status == 200


def test_slurmctld_is_asked_politely(exporter: Exporter, fake: FakeSlurmctld) -> None:
    """With our name, without credentials, and without a ``Connection: close`` header.

    slurmctld 26.05 answers that header with stray bytes.
    """
    assert exporter.get("/-/ready", **ADMIN).status == 200
    headers = [line.lower() for line in fake.headers]
    assert any(line.startswith("user-agent: slurm_exporter/") for line in headers)
    assert not any(line.startswith(("connection: close", "authorization:")) for line in headers)
