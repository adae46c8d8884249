"""The wiring: the only module that knows all the others."""

from __future__ import annotations

import platform
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from slurm_exporter import __version__, systemd
from slurm_exporter import log as logging
from slurm_exporter.config import format_duration, needs_restart
from slurm_exporter.courtesy import Answering, Courtesy
from slurm_exporter.errors import ConfigError
from slurm_exporter.exposition import Format
from slurm_exporter.metrics import (
    HttpMetrics,
    Reload,
    exporter_families,
    runtime_registry,
    slurmctld_families,
)
from slurm_exporter.page import Page
from slurm_exporter.poller import Poller
from slurm_exporter.pollers import Pollers
from slurm_exporter.schedule import first_offset
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.sources.cluster import Cluster
from slurm_exporter.sources.process import end_all
from slurm_exporter.web.auth import Authenticator
from slurm_exporter.web.protection import Protection
from slurm_exporter.web.routes import HANDLERS, Routes, Site
from slurm_exporter.web.server import WebServer, adopt, listen, names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from prometheus_client import Metric

    from slurm_exporter.config import Config

POLL_GRACE = 3.0
"""Seconds that polls under way get when the exporter stops."""

SCRAPE_GRACE = 5.0
"""Seconds that scrapes under way get when the exporter stops."""

SWITCH_INTERVAL = 0.0005
"""Seconds for which a thread keeps the interpreter while another one wants it.

A scrape gives it away and wants it back at each system call.  With Python's default of 5 ms, a
scrape beside the parse of a large answer waited several times as long.
"""

_NO_FILE = "none, running on the defaults"

log = structlog.get_logger()


class App:
    """The running exporter: pollers on one side, the web server on the other."""

    def __init__(self, config: Config, load: Callable[[], Config]) -> None:
        """Prepare everything; start nothing.

        Args:
            config: what to run.
            load: reads the config again, for a reload; raises ConfigError.

        Raises:
            ConfigError: the certificate cannot be used.
        """
        self._config = config
        self._started_with = config.server
        self._load = load
        self._lock = threading.Lock()
        self._stopping = False
        self._reload = Reload(successful=True, last_success=time.time())
        self._http_metrics = HttpMetrics(HANDLERS)
        self._runtime = runtime_registry()
        self._store = SnapshotStore(config.enabled_endpoints)
        self._cluster = Cluster(config.slurm)
        self._answering = Answering()
        self._pollers = Pollers(self._made(config))
        self._protection = Protection(config)
        self._routes = Routes(self._site(), self._http_metrics)

    # -------------------------------------------------------------- life

    def start(self, died: Callable[[], None] | None = None) -> list[str]:
        """Listen, answer, then poll.

        Args:
            died: called when the web server ends though nobody stopped it.

        Returns:
            The addresses that are listened on.

        Raises:
            ListenError: an address cannot be listened on; nothing runs then.
        """
        sys.setswitchinterval(SWITCH_INTERVAL)
        server = self._config.server
        passed = server.systemd_socket
        sockets = adopt(systemd.sockets()) if passed else listen(server.listen)
        addresses = names(sockets)
        self._web = WebServer(
            self._routes,
            sockets,
            context=self._protection.context,
            tick=self.refresh,
            died=died,
            answering=self._answering,
            grace=SCRAPE_GRACE,
        )
        self._web.start()
        self._log_start(addresses)
        self._pollers.start()
        return addresses

    def stop(self) -> None:
        """Begin no new poll, answer what was asked, end all threads."""
        log.info("exporter.stopping")
        with self._lock:  # a reload under way would start new pollers
            self._stopping = True
        self._pollers.retire()
        end_all()  # nobody wants what these programs would say any more
        hanging = self._pollers.stop(POLL_GRACE)
        end_all()  # a poll that had just begun may have started one since
        if not self._web.stop():
            hanging.append("web")
        if hanging:
            log.warning("exporter.threads_left", threads=" ".join(hanging))
        log.info("exporter.stopped")

    def reload(self) -> None:
        """Load the config again and go on with it; snapshots and counters are kept.

        Raises:
            ConfigError: the new config is wrong; everything goes on with the old one.
        """
        with self._lock:
            if self._stopping:
                return
            try:
                config = self._load()
                logging.set_up(config.logging)
                self._protection.use(config)  # last, for it is what protects
            except ConfigError as error:
                self._reload = replace(self._reload, successful=False)
                log.error("config.not_reloaded", error=str(error))
                raise
            self._warn_of_restart()
            self._exchange_pollers(config)
            self._config = config
            self._routes.site = self._site()
            self._reload = replace(self._reload, successful=True, last_success=time.time())
        self._say_notes(config)
        self.refresh()
        log.info("config.reloaded", config=config.file or _NO_FILE)

    def refresh(self) -> None:
        """Take what has changed in the files of users and certificates; called every second."""
        if not self._protection.refresh():
            return
        with self._lock:  # a reload under way would put its own site in place
            self._warn_of_restart()
            self._routes.site = self._site()
        log.info("auth.users_loaded")

    # -------------------------------------------------------------- wiring

    def _site(self) -> Site:
        server = self._protection.server
        page = Page(
            self._store,
            labels=self._config.labels,
            collectors=(_Own(self), self._http_metrics.registry, self._runtime),
        )
        return Site(
            store=self._store,
            page=page,
            telemetry_path=server.telemetry_path,
            authenticator=Authenticator(server.basic_auth) if server.basic_auth else None,
            open_paths=frozenset(server.open_paths),
            headers=tuple((name.lower().encode(), text.encode()) for name, text in server.headers),
            problems=self.problems,
            reload=self.reload if server.enable_lifecycle else None,
        )

    def _exchange_pollers(self, config: Config) -> None:
        old = self._config
        kept = self._pollers.retire(_unchanged(old, config))
        same = _made_alike(config) == _made_alike(old)
        self._store.configure(config.enabled_endpoints, keep=same)
        self._cluster = self._cluster.reconfigured(config.slurm)
        self._pollers.add(self._made(config, but=kept))

    def _made(self, config: Config, but: Collection[str] = ()) -> list[Poller]:
        return pollers(config, self._store, self._cluster, self._answering, but)

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

    def families(self) -> Iterator[Metric]:
        """Describe the exporter itself."""
        yield from exporter_families(self._reload, self._protection.failures)
        slurmctld = self._cluster.slurmctld
        controllers, expires = slurmctld.controllers, slurmctld.credentials.expires
        yield from slurmctld_families(controllers.active(), controllers.failovers, expires)

    # -------------------------------------------------------------- words

    def summary(self) -> str:
        """Say in a line how all is: for ``systemctl status``."""
        views = self._store.view()
        up = sum(view.health.up for view in views)
        words = [
            f"{up} of {len(views)} endpoints up",
            f"slurmctld at {asked}" if (asked := _asked(self._config)) else "commands asked",
            *self.problems(),
        ]
        if not self._reload.successful:
            words.append("the last reload failed, the config before it is in use")
        return ", ".join(words)

    def _log_start(self, addresses: list[str]) -> None:
        log.info(
            "exporter.started",
            version=__version__,
            python=platform.python_version(),
            config=self._config.file or _NO_FILE,
            slurm=_asked(self._config) or "commands",
            endpoints=" ".join(
                f"{endpoint.name}={format_duration(endpoint.interval)}"
                for endpoint in self._config.enabled_endpoints
            ),
            listen=" ".join(addresses),
            tls=self._protection.context is not None,
            auth=self._config.server.basic_auth is not None,
        )
        self._say_notes(self._config)

    @staticmethod
    def _say_notes(config: Config) -> None:
        for note in config.server.notes:
            log.warning("config.without_effect", note=note)

    def _warn_of_restart(self) -> None:
        keys = needs_restart(self._started_with, self._protection.server)
        if keys:
            log.warning("config.needs_restart", keys=" ".join(keys))


@dataclass(frozen=True, slots=True)
class _Own:
    """The exporter's own description, as prometheus_client's collectors look."""

    app: App

    def collect(self) -> Iterator[Metric]:
        return self.app.families()


def _made_alike(config: Config) -> tuple[object, ...]:
    """Return all on which snapshots depend, whatever their endpoint."""
    slurm = config.slurm
    return config.labels, slurm.urls, slurm.cli, slurm.corrections


def _asked(config: Config) -> str:
    """Name the controllers that are asked themselves; none when all endpoints are for commands."""
    native = any(endpoint.source != "cli" for endpoint in config.enabled_endpoints)
    return " ".join(config.slurm.urls) if native else ""


def _unchanged(old: Config, new: Config) -> list[str]:
    """Return the names of the endpoints whose pollers would be the same with both configs."""
    if (old.labels, old.slurm) != (new.labels, new.slurm):
        return []
    return [one.name for one in new.enabled_endpoints if one in old.enabled_endpoints]


def pollers(
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
            cluster.source(endpoint, Courtesy(answering).give_way),
            store,
            labels=config.labels,
            max_duty_cycle=config.slurm.max_duty_cycle,
            offset=first_offset(index, len(endpoints), shortest),
        )
        for index, endpoint in enumerate(endpoints)
        if endpoint.name not in but
    ]


def once(config: Config) -> tuple[bytes, list[str]]:
    """Poll each enabled endpoint once, one after the other.

    Nothing is written: whoever tries it out may be root, while the service runs as somebody else.

    Returns:
        The page, and a sentence for each endpoint that failed.
    """
    store = SnapshotStore(config.enabled_endpoints)
    cluster = Cluster(config.slurm, keeps=False)
    for poller in pollers(config, store, cluster, Answering()):
        poller.poll()
    page = b"".join(Page(store, labels=config.labels).make(Format.TEXT, gzip=False))
    failures = [
        f"{view.endpoint.name}: {failure.reason}: {failure.message}"
        for view in store.view()
        if (failure := view.health.failure)
    ]
    return page, failures
