"""All that asks Slurm: pollers as a config wants them, exchanged when it changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from slurm_exporter.courtesy import Answering
from slurm_exporter.metrics import slurmctld_families
from slurm_exporter.poller import Poller
from slurm_exporter.pollers import Pollers
from slurm_exporter.schedule import first_offset
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.sources.cluster import Cluster
from slurm_exporter.sources.process import end_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from prometheus_client import Metric

    from slurm_exporter.config import Config


class Polling:
    """The pollers of a config, and the cluster that they ask.

    One thread at a time starts it, gives it another config and stops it; any may ask how it is.
    """

    def __init__(self, config: Config, store: SnapshotStore, answering: Answering) -> None:
        """Prepare a poller for each enabled endpoint, without starting one.

        Args:
            config: the endpoints, and how they are polled.
            store: where the pollers publish; it holds these endpoints.
            answering: what they give way to.
        """
        self._config = config
        self._store = store
        self._answering = answering
        self._cluster = Cluster(config.slurm)
        self._pollers = Pollers(_make_pollers(config, store, self._cluster, answering))

    def start(self) -> None:
        """Begin to poll."""
        self._pollers.start()

    def use(self, config: Config) -> None:
        """Poll as another config wants it; what both want alike goes on as before."""
        old, self._config = self._config, config
        kept = self._pollers.retire(_unchanged(old, config))
        same = _made_alike(config) == _made_alike(old)
        self._store.configure(config.enabled_endpoints, keep=same)
        self._cluster = self._cluster.reconfigured(config.slurm)
        self._pollers.add(_make_pollers(config, self._store, self._cluster, self._answering, kept))

    def stop(self, seconds: float) -> list[str]:
        """Begin no new poll, end all programs, and wait for the threads to end.

        Args:
            seconds: how long to wait for all of them together.

        Returns:
            The names of threads that are still in a poll.
        """
        self._pollers.retire()
        end_all()  # nobody wants what these programs would say any more
        hanging = self._pollers.stop(seconds)
        end_all()  # a poll that had just begun may have started one since
        return hanging

    def problems(self) -> list[str]:
        """Say which threads are dead or hang; empty when all is well."""
        now = time.monotonic()
        dead = [f"thread {name} is dead" for name in self._pollers.dead()]
        return dead + [
            f"thread poller-{view.endpoint.name} hangs: "
            f"it is {now - view.health.expected:.0f} s overdue"
            for view in self._store.view()
            if now > view.health.expected
        ]

    def collect(self) -> Iterator[Metric]:
        """Describe who answers, as prometheus_client's collectors do."""
        slurmctld = self._cluster.slurmctld
        controllers, expires = slurmctld.controllers, slurmctld.credentials.expires
        return slurmctld_families(controllers.active(), controllers.failovers, expires)


def poll_once(config: Config) -> SnapshotStore:
    """Poll each enabled endpoint once, one after the other; return what came of it.

    Nothing is written: whoever tries it out may be root, while the service runs as somebody else.
    """
    store = SnapshotStore(config.enabled_endpoints)
    cluster = Cluster(config.slurm, keeps=False)
    for poller in _make_pollers(config, store, cluster, Answering()):
        poller.poll()
    return store


def _make_pollers(
    config: Config,
    store: SnapshotStore,
    cluster: Cluster,
    answering: Answering,
    but: Collection[str] = (),
) -> list[Poller]:
    """Make a poller for each enabled endpoint, spread over the first seconds.

    Args:
        config: the endpoints, and how they are polled.
        store: where the pollers publish.
        cluster: what they ask.
        answering: what they give way to.
        but: names of endpoints that need none.
    """
    endpoints = config.enabled_endpoints
    shortest = min(endpoint.interval for endpoint in endpoints)
    return [
        Poller(
            endpoint,
            cluster.source(endpoint),
            store,
            labels=config.labels,
            max_duty_cycle=config.slurm.max_duty_cycle,
            offset=first_offset(index, len(endpoints), shortest),
            answering=answering,
        )
        for index, endpoint in enumerate(endpoints)
        if endpoint.name not in but
    ]


def _unchanged(old: Config, new: Config) -> list[str]:
    """Return the names of the endpoints whose pollers would be the same with both configs."""
    if (old.labels, old.slurm) != (new.labels, new.slurm):
        return []
    return [one.name for one in new.enabled_endpoints if one in old.enabled_endpoints]


def _made_alike(config: Config) -> tuple[object, ...]:
    """Return all on which snapshots depend, whatever their endpoint."""
    slurm = config.slurm
    return config.labels, slurm.urls, slurm.cli, slurm.corrections
