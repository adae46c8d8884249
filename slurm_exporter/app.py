"""The wiring: the only module that knows both halves of the house."""

from __future__ import annotations

import gc
import platform
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from slurm_exporter import __version__, systemd
from slurm_exporter import log as logging
from slurm_exporter.config import format_duration, needs_restart
from slurm_exporter.courtesy import Answering
from slurm_exporter.errors import ConfigError
from slurm_exporter.exposition import Format
from slurm_exporter.metrics import HttpMetrics, Reload, exporter_families, runtime_registry
from slurm_exporter.page import Page
from slurm_exporter.polling import Polling, poll_once
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.web.auth import Authenticator
from slurm_exporter.web.protection import Protection
from slurm_exporter.web.routes import HANDLERS, Routes, Site
from slurm_exporter.web.server import WebServer, adopt, listen, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

    from slurm_exporter.config import Config
    from slurm_exporter.snapshot import View

POLL_GRACE = 3.0
"""Seconds that polls under way get when the exporter stops."""

SCRAPE_GRACE = 5.0
"""Seconds that scrapes under way get when the exporter stops."""

SWITCH_INTERVAL = 0.0005
"""Seconds for which a thread keeps the interpreter while another one wants it.

A scrape gives it away and wants it back at each system call.  With Python's default of 5 ms, a
scrape beside the parse of a large answer waited several times as long.
"""

COLLECTIONS = 1000
"""Collections of middle-aged cyclic garbage before one looks at all that there is.

Python's default is 10.  Each look at a hundred thousand jobs holds the interpreter for a tenth of
a second, and finds nothing: what is large here has no cycles and goes with its last reference.
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
        self._answering = Answering()
        self._polling = Polling(config, self._store, self._answering)
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
        gc.set_threshold(*gc.get_threshold()[:2], COLLECTIONS)
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
        self._polling.start()
        return addresses

    def stop(self) -> None:
        """Begin no new poll, answer what was asked, end all threads."""
        log.info("exporter.stopping")
        with self._lock:  # a reload under way would start new pollers
            self._stopping = True
        hanging = self._polling.stop(POLL_GRACE)
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
            self._polling.use(config)
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
            collectors=(self, self._polling, self._http_metrics.registry, self._runtime),
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

    def problems(self) -> list[str]:
        """Say which threads are dead or hang; empty when all is well."""
        return self._polling.problems()

    def collect(self) -> Iterator[Metric]:
        """Describe the exporter itself, as prometheus_client's collectors do."""
        return exporter_families(self._reload, self._protection.failures)

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


def _asked(config: Config) -> str:
    """Name the controllers that are asked themselves; none when all endpoints are for commands."""
    native = any(endpoint.source != "cli" for endpoint in config.enabled_endpoints)
    return " ".join(config.slurm.urls) if native else ""


def once(config: Config) -> tuple[bytes, View]:
    """Poll each enabled endpoint once, without a server.

    Returns:
        The page, and how the endpoints are.
    """
    store = poll_once(config)
    page = Page(store, labels=config.labels).make(Format.TEXT, gzip=False)
    return b"".join(page), store.view()
