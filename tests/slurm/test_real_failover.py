"""The exporter against two real slurmctld, of which one dies and comes back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.slurm.backup import CONF, backup_of
from tests.slurm.cluster import SlurmCluster
from tests.slurm.exporter import ENDPOINTS, Exporter, Page, about, config
from tests.slurm.host import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]

TIMING = "interval: 1s, timeout: 1s, stale_after: 3s, max_age: 5m"


class Reader(threading.Thread):
    """Scrapes without a pause, and keeps every page until ``stop`` is set."""

    def __init__(self, exporter: Exporter) -> None:
        super().__init__()
        self.pages: list[Page] = []
        self.stop = threading.Event()
        self._exporter = exporter

    def run(self) -> None:
        while not self.stop.wait(0.1):
            self.pages.append(self._exporter.page())


def in_charge(exporter: Exporter, url: str) -> bool:
    """Whether this controller, and no other, is active and every endpoint has its answer."""
    page = exporter.page()
    gauge = page["slurm_exporter_controller_active"].samples
    active = [dict(labels)["url"] for (_, labels), value in gauge.items() if value]
    up = all(about(page, "endpoint_up", endpoint) == 1 for endpoint in ENDPOINTS)
    return active == [url] and up


def pending(page: Page) -> float:
    return next(iter(page["slurm_jobs_pending"].samples.values()))


def test_a_dead_primary_is_replaced_and_taken_back_under_load(tmp_path: Path) -> None:
    """Five endpoints are polled each second: no page is empty, and the job is on all of them.

    When the primary comes back, both controllers hang for half a minute; that is Slurm's doing.
    """
    with SlurmCluster(slurmd=[], more=CONF) as cluster, backup_of(cluster) as backup:
        cluster.sbatch(user="alice")
        settings = config(cluster.url, backup, timing=TIMING)
        with Exporter(tmp_path, settings) as exporter:
            eventually(lambda: in_charge(exporter, cluster.url), "the primary")
            assert exporter.value("controller_failovers_total") == 0
            reader = Reader(exporter)
            reader.start()
            try:
                cluster.kill()
                eventually(lambda: in_charge(exporter, backup), "the backup")
                assert exporter.value("controller_failovers_total") == 1

                cluster.start()
                eventually(lambda: in_charge(exporter, cluster.url), "the primary", within=180.0)
                assert exporter.value("controller_failovers_total") == 2
            finally:
                reader.stop.set()
                reader.join()

    assert len(reader.pages) > 50
    assert {pending(page) for page in reader.pages} == {1}
