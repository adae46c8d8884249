"""What protects our pages: certificate and users, whose files may change at any time."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from slurm_exporter.config import refreshed
from slurm_exporter.errors import ConfigError, Problem
from slurm_exporter.web.files import states
from slurm_exporter.web.tls import Certificate

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from slurm_exporter.config import Config, Server, Tls
    from slurm_exporter.web.files import States

_NO_USERS = "no users are left; if everybody is to be let in, reload"

log = structlog.get_logger()


class Protection:
    """The certificate and the users in force: as the config says, and as their files are by now.

    Safe from any thread.
    """

    def __init__(self, config: Config) -> None:
        """Load the certificate.

        Raises:
            ConfigError: it cannot be used.
        """
        # The inner lock: a reload takes it while it holds its own.  So nothing is called under it
        # that may want that one, and refresh() returns what is left to do.
        self._lock = threading.Lock()
        self._config = config
        self._certificate = _certificate(config)
        # Nothing: the files may have changed since the config was made of them.
        self._users_from: States = ()
        self._troubles: dict[Callable[[], bool], str] = {}
        self.failures = 0
        """How often changed files could not be used."""

    @property
    def server(self) -> Server:
        """The section ``server``, with the users of now."""
        return self._config.server

    @property
    def context(self) -> ssl.SSLContext | None:
        """What TLS is served with, for good; None for plain HTTP."""
        return None if self._certificate is None else self._certificate.context

    def use(self, config: Config) -> None:
        """Protect as another config says; TLS stays on or off as it was at first.

        Raises:
            ConfigError: its certificate cannot be used; everything stays as it was.
        """
        with self._lock:
            if self._certificate is not None and config.server.tls is not None:
                _load(self._certificate, config, config.server.tls)
            self._config, self._users_from = config, ()

    def refresh(self) -> bool:
        """Take what has changed in the files; return whether ``server`` is another one now.

        What cannot be used is logged, and the old stays in use.
        """
        with self._lock:
            self._attempt(self._take_certificate)
            return self._attempt(self._take_users)

    def _attempt(self, take: Callable[[], bool]) -> bool:
        taken, trouble = False, ""
        try:
            taken = take()
        except (OSError, ValueError, ConfigError) as error:
            trouble = str(error)
        # Said once, not every second.
        if trouble and trouble != self._troubles.get(take):
            log.error("web.files_unusable", error=trouble)
            self.failures += 1
        self._troubles[take] = trouble
        return taken

    def _take_certificate(self) -> bool:
        tls = self.server.tls
        if self._certificate is None or tls is None:
            return False
        with _told(self._config, tls):
            renewed = self._certificate.refresh()
        if renewed:
            log.info("tls.certificate_loaded")
        return renewed

    def _take_users(self) -> bool:
        old = self.server
        now = states(old.user_files)
        if now == self._users_from:
            return False
        config = replace(self._config, server=refreshed(old))
        tls = config.server.tls
        # As a file looks for a moment that is written in place.
        if old.basic_auth is not None and config.server.basic_auth is None:
            raise OSError(_NO_USERS)
        # A certificate that cannot be used at the moment keeps nobody from being shut out.
        if self._certificate is not None and tls is not None and tls != old.tls:
            _load(self._certificate, config, tls)
        self._config, self._users_from = config, now
        return config.server != old


def _certificate(config: Config) -> Certificate | None:
    tls = config.server.tls
    if tls is None:
        return None
    with _told(config, tls):
        return Certificate(tls)


def _load(certificate: Certificate, config: Config, tls: Tls) -> None:
    with _told(config, tls):
        certificate.use(tls)


@contextmanager
def _told(config: Config, tls: Tls) -> Iterator[None]:
    """Turn what is wrong with the files of a certificate into an error of the config."""
    try:
        yield
    except OSError as error:
        message = f"cannot use {tls.cert_file} with {tls.key_file}: {error}"
        web = config.server.web_config_file
        where = (web, "tls_server_config") if web is not None else (config.file, "server.ssl")
        raise ConfigError((Problem(where[0] or "", None, where[1], message),)) from error
