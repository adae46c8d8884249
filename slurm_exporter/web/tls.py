"""TLS for our own pages, with certificates that may be renewed at any time."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from slurm_exporter.web.files import States, states

if TYPE_CHECKING:
    from slurm_exporter.config import Tls

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class Certificate:
    """The TLS context of our server; ``refresh()`` makes it use files that were renewed.

    The context lends each new connection the newest files that were loaded whole.  So nobody
    meets a new certificate with an old key, and an authority that left its file is no longer
    trusted, which one context that is loaded again could not forget.
    """

    def __init__(self, config: Tls) -> None:
        """Load the files.

        Raises:
            OSError: a file cannot be read, is not a certificate or key, or the two do not
                belong together.
        """
        self._config = config
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = _VERSIONS[config.min_version]
        if config.client_ca_file is not None:
            self.context.verify_mode = (
                ssl.CERT_REQUIRED if config.client_auth_required else ssl.CERT_OPTIONAL
            )
        self.context.sni_callback = self._lend
        files = (config.cert_file, config.key_file, config.client_ca_file)
        self._files = [file for file in files if file is not None]
        self._loaded: States = ()
        self.refresh()

    def refresh(self) -> bool:
        """Load the files again if they have changed; return whether they had.

        Connections that are open keep the certificate they began with.  When the new files
        cannot be used, the old ones stay in use and the next call tries again.

        Raises:
            OSError: see the constructor.
        """
        now = states(self._files)
        if now == self._loaded:
            return False
        self._newest = self._load()
        self._loaded = now
        return True

    def _lend(self, connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        """Called by OpenSSL for every connection, whether it names a server or not."""
        connection.context = self._newest

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self._config.cert_file, self._config.key_file, _refuse)
            if self._config.client_ca_file is not None:
                context.load_verify_locations(self._config.client_ca_file)
        except ssl.SSLError as error:
            # OpenSSL's own words are "[SSL] PEM lib (_ssl.c:3905)".
            mismatch = error.reason == "KEY_VALUES_MISMATCH"
            words = "the key does not belong to the certificate" if mismatch else "not valid PEM"
            raise OSError(words) from error
        return context


def _refuse() -> str:
    """Called when a passphrase is needed, which OpenSSL would ask for on a terminal."""
    raise OSError("the key is encrypted, and a server has nobody to ask for the passphrase")
