"""The exporter, run as a user runs it, against a real slurmctld."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.slurm.cluster import SlurmCluster
from tests.slurm.exporter import (
    COMMAND,
    ENDPOINTS,
    REPOSITORY,
    Exporter,
    Page,
    about,
    config,
    read_openmetrics,
    read_page,
    series,
    slurms_own,
)
from tests.slurm.host import eventually
from tests.slurm.workload import FORGED_VALUES, HOSTILE_ACCOUNTS, submit_hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slurm

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
QUIET = ("jobs", "nodes", "partitions", "jobs-users-accts")
"""The endpoints whose numbers stand still when nobody submits, ends or drains anything."""


def ask_slurmctld(cluster: SlurmCluster, endpoints: tuple[str, ...]) -> Page:
    """Return what slurmctld answers by itself, all endpoints together."""
    return read_page("".join(cluster.get(f"/metrics/{name}").text for name in endpoints))


def polled_since(moment: float, exporter: Exporter, endpoints: tuple[str, ...] = ENDPOINTS) -> Page:
    """Wait for a page of which each endpoint was polled with success after ``moment``."""

    def new_page() -> Page | None:
        page = exporter.page()
        polled = [about(page, "endpoint_last_success_timestamp_seconds", e) for e in endpoints]
        return page if all(at is not None and at > moment for at in polled) else None

    return eventually(new_page, "a poll of each endpoint")


def between_equal_answers(cluster: SlurmCluster, look: Callable[[], Page]) -> tuple[Page, Page]:
    """Look while slurmctld says the same before and after: its answer, and what was seen."""

    def undisturbed() -> tuple[Page, Page] | None:
        before, seen = ask_slurmctld(cluster, QUIET), look()
        return (before, seen) if before == ask_slurmctld(cluster, QUIET) else None

    return eventually(undisturbed, "two equal answers of slurmctld in a row")


def all_samples(page: Page) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the samples of all families of a page."""
    return {key: value for family in page.values() for key, value in family.samples.items()}


def everywhere(exporter: Exporter, what: str, value: float) -> bool:
    """Whether ``slurm_exporter_<what>`` has this value for every endpoint."""
    page = exporter.page()
    return all(about(page, what, endpoint) == value for endpoint in ENDPOINTS)


def dropped(exporter: Exporter, endpoint: str) -> float:
    """Return how many rows of an endpoint were dropped, for whatever reason."""
    family = exporter.page()["slurm_exporter_samples_dropped"]
    total = "slurm_exporter_samples_dropped_total"
    return sum(
        value
        for (name, labels), value in family.samples.items()
        if name == total and ("endpoint", endpoint) in labels
    )


def stale_page(exporter: Exporter) -> Page | None:
    """Return a page whose jobs are stale and still there, None if it is not so now."""
    page = exporter.page()
    flagged = about(page, "endpoint_stale", "jobs") == 1
    return page if flagged and "slurm_jobs" in page else None


def timeouts(exporter: Exporter) -> float:
    """Return how many polls of jobs timed out."""
    return exporter.about("poll_failures_total", "jobs", reason="timeout") or 0


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long something takes."""
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


class TestThePage:
    def test_is_what_slurmctld_says(self, cluster: SlurmCluster, exporter: Exporter) -> None:
        """Families, types, helps, labels and values are those of slurmctld's own answers."""
        direct, page = between_equal_answers(cluster, lambda: polled_since(time.time(), exporter))

        assert len(direct) > 100
        assert {name: page.get(name) for name in direct} == direct

    def test_has_every_scheduler_statistic(self, cluster: SlurmCluster, exporter: Exporter) -> None:
        """Each of them lies, some time, between two direct answers around its poll.

        They change by the second and not only upwards, so that one look may miss an honest value;
        a wrong one is missed for ever.
        """
        scheduler = ("scheduler",)
        unproven = set(all_samples(ask_slurmctld(cluster, scheduler)))
        assert len(unproven) > 50

        def all_proven() -> bool:
            before = ask_slurmctld(cluster, scheduler)
            page = polled_since(time.time(), exporter, scheduler)
            after = ask_slurmctld(cluster, scheduler)
            assert {name: page[name][:2] for name in before} == {
                n: f[:2] for n, f in before.items()
            }
            low, ours, high = all_samples(before), all_samples(page), all_samples(after)
            for one in tuple(unproven):
                first, last = sorted((low[one], high[one]))
                if first <= ours[one] <= last:
                    unproven.remove(one)
            return not unproven

        eventually(all_proven, unproven)

    def test_holds_nothing_but_what_slurmctld_says(
        self, cluster: SlurmCluster, exporter: Exporter
    ) -> None:
        """Beside Slurm's families there are only those about the exporter and its process."""
        page = polled_since(0, exporter)

        assert slurms_own(page).keys() == ask_slurmctld(cluster, ENDPOINTS).keys()

    def test_is_strict_openmetrics_where_asked(
        self, cluster: SlurmCluster, exporter: Exporter
    ) -> None:
        """OpenMetrics parses strictly, ends in its only EOF and says what slurmctld says."""

        def look() -> Page:
            polled_since(time.time(), exporter)
            answer = exporter.get("/metrics", accept=OPENMETRICS)
            assert answer.content_type.startswith(OPENMETRICS)
            assert answer.text.endswith("\n# EOF\n")
            assert answer.text.count("# EOF") == 1
            return read_openmetrics(answer.text)

        direct, page = between_equal_answers(cluster, look)

        assert {name: page.get(name) for name in direct} == direct

    def test_is_printed_by_once(self, cluster: SlurmCluster, tmp_path: Path) -> None:
        """``--once`` polls each endpoint, prints the page and ends with 0."""
        file = tmp_path / "slurm_exporter.yml"
        file.write_text(config(cluster.url), encoding="utf-8")

        def look() -> Page:
            ended = subprocess.run(
                [*COMMAND, f"--config.file={file}", "--once"],
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert ended.returncode == 0, ended.stderr
            return read_page(ended.stdout)

        direct, page = between_equal_answers(cluster, look)

        assert {name: page.get(name) for name in direct} == direct


class TestAccountNamesThatBite:
    @pytest.fixture
    def cluster(self, slurm: None) -> Iterator[SlurmCluster]:
        """A cluster of its own, where mallory's jobs disturb no other test."""
        with SlurmCluster() as cluster:
            cluster.sbatch("--account=bio", user="erin")
            yield cluster

    @pytest.fixture
    def exporter(self, cluster: SlurmCluster, tmp_path: Path) -> Iterator[Exporter]:
        """Without the scheduler's microseconds, any of which could be 999 by chance."""
        with Exporter(tmp_path, config(cluster.url, endpoints=QUIET)) as running:
            yield running

    def test_change_nobodys_metric(self, cluster: SlurmCluster, exporter: Exporter) -> None:
        """Forged rows of other metrics and accounts are dropped and counted, the rest is right."""
        polled_since(0, exporter, QUIET)
        assert dropped(exporter, "jobs-users-accts") == 0

        submit_hostile(cluster)
        page = polled_since(time.time(), exporter, QUIET)
        so_far = dropped(exporter, "jobs-users-accts")
        assert so_far > 0
        eventually(lambda: dropped(exporter, "jobs-users-accts") > so_far, "more to be dropped")

        samples = all_samples(slurms_own(page))
        assert not [one for one, value in samples.items() if value in FORGED_VALUES]
        assert not [labels for _, labels in samples if ("account", "ghost") in labels]
        assert samples[series("slurm_jobs_running")] == 4 + len(HOSTILE_ACCOUNTS)
        assert samples[series("slurm_account_jobs", account="bio")] == 1
        assert samples[series("slurm_account_jobs", account="physics")] == 2
        assert samples[series("slurm_account_jobs", account="chem")] == 1
        for user, jobs in (("alice", 1), ("bob", 1), ("carol", 1), ("erin", 1), ("mallory", 8)):
            assert samples[series("slurm_user_jobs", username=user)] == jobs
        strict = read_openmetrics(exporter.get("/metrics", accept=OPENMETRICS).text)
        assert strict["slurm_account_jobs"] == page["slurm_account_jobs"]


class TestWithoutSlurmctld:
    def test_the_page_fades_and_returns(self, cluster: SlurmCluster, exporter: Exporter) -> None:
        """Served, then stale, then gone, always with 200; back without a restart of ours."""
        eventually(lambda: exporter.get("/-/ready").status == 200, "the exporter to be ready")
        cluster.stop()

        eventually(lambda: everywhere(exporter, "endpoint_up", 0), "the polls to fail")
        age = exporter.about("endpoint_age_seconds", "jobs")
        assert age is not None
        eventually(lambda: (exporter.about("endpoint_age_seconds", "jobs") or 0) > age, "aging")
        eventually(lambda: everywhere(exporter, "endpoint_stale", 1), "the stale flags")
        eventually(lambda: not slurms_own(exporter.page()), "Slurm's series to leave the page")
        assert exporter.get("/-/healthy").status == 200
        unready = exporter.get("/-/ready")
        assert unready.status == 503
        assert [name for name in ENDPOINTS if name not in unready.text] == []

        cluster.start()

        eventually(lambda: everywhere(exporter, "endpoint_up", 1), "the polls to succeed")
        eventually(lambda: exporter.get("/-/ready").status == 200, "the exporter to be ready")
        assert everywhere(exporter, "endpoint_stale", 0)
        assert slurms_own(exporter.page()).keys() == ask_slurmctld(cluster, ENDPOINTS).keys()

    def test_stale_series_are_still_served(self, cluster: SlurmCluster, exporter: Exporter) -> None:
        """Between stale and expired the page holds the last numbers, flagged."""
        eventually(lambda: exporter.get("/-/ready").status == 200, "the exporter to be ready")
        cluster.kill()

        page = eventually(lambda: stale_page(exporter), "a stale page")

        assert page["slurm_jobs"].samples[series("slurm_jobs")] > 100
        assert about(page, "endpoint_up", "jobs") == 0

    def test_scrapes_do_not_wait_while_it_hangs(
        self, cluster: SlurmCluster, tmp_path: Path
    ) -> None:
        """A stopped slurmctld accepts and never answers: polls time out, scrapes do not wait."""
        slow = config(cluster.url, timing="interval: 4s, timeout: 4s")
        with Exporter(tmp_path, slow) as exporter:
            eventually(lambda: exporter.get("/-/ready").status == 200, "the exporter to be ready")
            cluster.pause()
            eventually(lambda: timeouts(exporter), "a poll to time out")

            taken = [seconds_of(lambda: exporter.get("/metrics")) for _ in range(20)]

            assert max(taken) < 2, "half the time that a poll takes to give up"
            cluster.resume()
            eventually(lambda: everywhere(exporter, "endpoint_up", 1), "the polls to succeed")


def test_without_metrics_type_the_error_says_what_to_set(slurm: None, tmp_path: Path) -> None:
    """200 with nothing in it is a failed poll, and its message names slurm.conf's MetricsType."""
    with (
        SlurmCluster(metrics=False, slurmd=[]) as cluster,
        Exporter(tmp_path, config(cluster.url)) as exporter,
    ):
        error = eventually(lambda: exporter.last_error("jobs"), "a poll to fail")

        assert error["reason"] == "empty"
        assert "MetricsType" in error["message"]
        assert exporter.about("poll_failures_total", "jobs", reason="empty")
        assert exporter.about("endpoint_up", "jobs") == 0
