"""The command when slurmctld is away, slow, wrong or a standby: what is known is still served."""

from __future__ import annotations

import json
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_slurmctld import (
    NAMES,
    FakeSlurmctld,
    answer,
    drip,
    hang,
    nothing,
    recorded,
    reset,
)
from tests.processes import FREE_PORT, Exporter, Samples, series, settings, slurms_own, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HTML = b"<!DOCTYPE html>\n<html><body>It works!</body></html>\n"


def about(samples: Samples, what: str, endpoint: str, **labels: str) -> float | None:
    """The value of ``slurm_exporter_<what>`` for an endpoint."""
    return samples.get(series(f"slurm_exporter_{what}", endpoint=endpoint, **labels))


def redirect(status: str, url: str) -> Any:
    """Answer with a Location."""
    return nothing(status, f"Location: {url}\r\n")


@pytest.fixture
def other() -> Iterator[FakeSlurmctld]:
    """Another slurmctld that runs."""
    with FakeSlurmctld().running() as fake:
        yield fake


# ------------------------------------------------------------------ away and back


def page_when(exporter: Exporter, holds: Callable[[Samples], bool], what: str) -> Samples:
    """Scrape until the page is as expected, and return it."""
    return until(lambda: page if holds(page := exporter.samples()) else None, what)


def test_slurmctld_goes_away_and_comes_back(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    """The page stays 200 and says what it knows; nothing needs a restart."""
    config = settings(slurmctld.url, names=("jobs", "nodes"), stale_after="1s", max_age="3s")
    config["endpoints"][1]["on_expiry"] = "keep"
    jobs, nodes = series("slurm_jobs"), series("slurm_nodes")
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "the first snapshots")
        slurmctld.stop()

        down = page_when(
            exporter,
            lambda page: not any(about(page, "endpoint_up", name) for name in ("jobs", "nodes")),
            "failed polls",
        )
        assert {jobs, nodes} <= set(down)
        assert about(down, "poll_failures_total", "jobs", reason="connect") == 1

        stale = page_when(
            exporter, lambda page: about(page, "endpoint_stale", "jobs") == 1, "stale samples"
        )
        assert jobs in stale
        assert (about(stale, "endpoint_age_seconds", "jobs") or 0) >= 1

        expired = page_when(exporter, lambda page: jobs not in page, "the end of the samples")
        assert not any(name.startswith("slurm_jobs") for name, _ in expired)
        assert (about(expired, "endpoint_age_seconds", "jobs") or 0) >= 3
        assert about(expired, "endpoint_samples", "jobs") == 0
        assert about(expired, "endpoint_stale", "jobs") == 1
        assert exporter.get("/-/healthy").status == 200

        until(lambda: "nodes: expired" in exporter.get("/-/ready").text, "nodes to expire")
        ready = exporter.get("/-/ready")
        assert (ready.status, ready.text) == (503, "jobs: expired\nnodes: expired\n")
        kept = exporter.samples()
        assert nodes in kept
        assert about(kept, "endpoint_stale", "nodes") == 1

        slurmctld.start()
        until(lambda: exporter.get("/-/ready").status == 200, "the recovery")
        recovered = exporter.samples()
        assert jobs in recovered
        assert about(recovered, "endpoint_up", "jobs") == 1
        assert about(recovered, "endpoint_stale", "jobs") == 0


def test_it_starts_without_slurmctld(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    slurmctld.stop()
    with Exporter(tmp_path, settings(slurmctld.url, names=["jobs"]), FREE_PORT) as exporter:
        page_when(
            exporter,
            lambda page: about(page, "poll_failures_total", "jobs", reason="connect") == 1,
            "the first poll",
        )
        assert exporter.get("/-/healthy").status == 200
        assert exporter.get("/-/ready").text == "jobs: never\n"
        slurmctld.start()
        until(lambda: exporter.get("/-/ready").status == 200, "the first snapshot")


# ------------------------------------------------------------------ wrong answers


@pytest.fixture(scope="module")
def lure() -> Iterator[FakeSlurmctld]:
    """A server that nobody must ever ask."""
    with FakeSlurmctld().running() as fake:
        yield fake


@pytest.fixture(scope="module")
def broken(
    lure: FakeSlurmctld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Exporter]]:
    """Two exporters whose endpoints all fail, each in its own way."""
    first, second = FakeSlurmctld(), FakeSlurmctld()
    first.behaviours |= {
        "/metrics/jobs": answer(b"no\n", "401 Unauthorized"),
        "/metrics/nodes": drip(recorded("nodes"), 0.05),
        "/metrics/partitions": answer(recorded("partitions")[:4000], length=27098),
        "/metrics/jobs-users-accts": answer(HTML),
    }
    second.behaviours |= {
        "/metrics/jobs": redirect("302 Found", f"{lure.url}/metrics/jobs"),
        "/metrics/nodes": nothing(),
        "/metrics/partitions": hang(),
        "/metrics/jobs-users-accts": reset(),
        "/metrics/scheduler": redirect("303 See Other", f"{lure.url}/metrics/scheduler"),
    }
    # Credentials and a proxy that lie about in the environment are none of slurmctld's business.
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine 127.0.0.1 login admin password hunter2\n")
    (home / ".netrc").chmod(0o600)
    environment = {"HOME": str(home), "http_proxy": lure.url, "HTTP_PROXY": lure.url}
    with first.running(), second.running():
        one, two = (settings(fake.url) for fake in (first, second))
        one["slurm"]["body_size_limit"] = "4KB"
        with (
            Exporter(tmp_path_factory.mktemp("1"), one, FREE_PORT, environment=environment) as a,
            Exporter(tmp_path_factory.mktemp("2"), two, FREE_PORT, environment=environment) as b,
        ):
            for exporter in (a, b):
                until(partial(all_failed, exporter), "all polls to fail")
            yield [a, b]
    assert not any("authorization" in line.lower() for line in first.headers + second.headers)


def errors(exporter: Exporter) -> dict[str, dict[str, Any]]:
    """The last error of each endpoint that had one."""
    facts = json.loads(exporter.get("/api/v1/endpoints").text)["endpoints"]
    return {fact["name"]: fact["last_error"] for fact in facts if fact["last_error"]}


def all_failed(exporter: Exporter) -> bool:
    """Whether every endpoint had an error."""
    return set(errors(exporter)) == set(NAMES)


@pytest.mark.parametrize(
    ("number", "endpoint", "reason", "words"),
    [
        (0, "jobs", "auth", "answered 401; slurmctld wants a token here"),
        (0, "nodes", "timeout", "no complete answer from"),
        (0, "partitions", "connect", "closed the connection after 4000 of 27098 bytes"),
        (0, "jobs-users-accts", "parse", "not metrics; it begins with '<!DOCTYPE html>'"),
        (0, "scheduler", "too_large", "larger than body_size_limit (4096 bytes)"),
        (1, "jobs", "http_status", "answered 302"),
        (1, "nodes", "empty", "set MetricsType=metrics/openmetrics in slurm.conf"),
        (1, "partitions", "timeout", "no complete answer from"),
        (1, "jobs-users-accts", "connect", "connection reset by peer"),
        (1, "scheduler", "standby", "which slurm.urls does not name"),
    ],
)
def test_a_wrong_answer_is_counted_by_reason_and_told_in_words(
    broken: list[Exporter], number: int, endpoint: str, reason: str, words: str
) -> None:
    exporter = broken[number]
    page = exporter.samples()
    error = errors(exporter)[endpoint]
    assert about(page, "endpoint_up", endpoint) == 0
    assert about(page, "poll_failures_total", endpoint, reason=reason) == about(
        page, "polls_total", endpoint
    )
    assert error["reason"] == reason
    assert words in error["message"]
    assert exporter.log("endpoint.failing", endpoint=endpoint, reason=reason)


def test_nothing_wrong_gets_onto_the_page(broken: list[Exporter]) -> None:
    assert [slurms_own(exporter.samples()) for exporter in broken] == [{}, {}]
    assert [exporter.get("/-/healthy").status for exporter in broken] == [200, 200]


def test_no_redirect_and_no_proxy_of_the_environment_is_followed(
    broken: list[Exporter], lure: FakeSlurmctld
) -> None:
    assert all(exporter.value("polls_total", endpoint="jobs") for exporter in broken)
    assert lure.requests == {}


# ------------------------------------------------------------------ slow


def test_a_hung_endpoint_delays_neither_another_endpoint_nor_a_scrape(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    slurmctld.behaviours["/metrics/nodes"] = hang()
    config = settings(slurmctld.url, names=("jobs", "nodes"))
    config["endpoints"][1] |= {"interval": "1m", "timeout": "1m"}
    slowest = 0.0
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: slurmctld.requests["/metrics/nodes"], "the poll that hangs")
        before = slurmctld.requests["/metrics/jobs"]
        while slurmctld.requests["/metrics/jobs"] < before + 2:
            began = time.monotonic()
            page = exporter.samples()
            slowest = max(slowest, time.monotonic() - began)
        assert about(page, "polls_total", "nodes") == 0
        assert about(page, "polls_skipped_total", "jobs") == 0
        assert about(page, "endpoint_up", "jobs") == 1
        slurmctld.behaviours["/metrics/nodes"] = nothing()
        slurmctld.stop()
    assert slowest < 0.5


def test_an_endpoint_has_one_connection_at_a_time(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    """Also when its polls run into their timeout."""
    slurmctld.behaviours["/metrics/nodes"] = drip(recorded("nodes"), 0.02)
    config = settings(slurmctld.url, names=["nodes"], timeout="500ms")
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: exporter.value("polls_total", endpoint="nodes") == 2, "two polls")
    assert slurmctld.requests["/metrics/nodes"] >= 2
    assert slurmctld.most_open == 1


# ------------------------------------------------------------------ standby


def test_a_standby_sends_us_to_the_controller_that_the_config_names(
    tmp_path: Path, slurmctld: FakeSlurmctld, other: FakeSlurmctld
) -> None:
    """The one that answered is asked first from then on."""
    path = "/metrics/jobs"
    slurmctld.behaviours[path] = redirect("303 See Other", other.url + path)
    config = settings(slurmctld.url, other.url, names=["jobs"])
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: exporter.value("polls_total", endpoint="jobs") == 2, "two polls")
        assert exporter.value("endpoint_up", endpoint="jobs") == 1
    assert slurmctld.requests[path] == 1
    assert other.requests[path] >= 2


def test_the_second_controller_takes_over(
    tmp_path: Path, slurmctld: FakeSlurmctld, other: FakeSlurmctld
) -> None:
    config = settings(slurmctld.url, other.url, names=["jobs"])
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: exporter.value("endpoint_up", endpoint="jobs"), "the first controller")
        assert other.requests == {}
        slurmctld.stop()
        until(lambda: other.requests["/metrics/jobs"], "the second controller")
        until(lambda: exporter.value("endpoint_up", endpoint="jobs"), "its answer")
        assert exporter.value("poll_failures_total", endpoint="jobs", reason="connect") == 0


# ------------------------------------------------------------------ several controllers


def test_a_failover_is_on_the_page_and_survives_a_reload(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """The second controller takes over; a reload does not ask the dead one first again."""

    def active() -> list[float | None]:
        return [exporter.value("controller_active", url=one.url) for one in (slurmctld, second)]

    with (
        FakeSlurmctld().running() as second,
        Exporter(tmp_path, settings(slurmctld.url, second.url), FREE_PORT) as exporter,
    ):
        until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
        assert (active(), second.requests) == ([1, 0], {})
        slurmctld.stop()
        until(lambda: exporter.value("controller_failovers_total") == 1, "the failover")
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: exporter.log("config.reloaded"), "the reload")
        assert active() == [0, 1]
        assert exporter.value("controller_failovers_total") == 1
        assert not exporter.log("endpoint.failing")
