"""TLS to a proxy in front of slurmctld, which speaks none itself."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

from slurm_exporter.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slurm_exporter.config import TlsConfig


def make_context(config: TlsConfig) -> ssl.SSLContext:
    """Load the files as they are now, so that renewed ones need no notice.

    Without ``ca_file`` the system's authorities are trusted.

    Raises:
        ConnectError: a file cannot be used; the message names it.
    """
    with _explained("ca_file", config.ca_file):
        context = ssl.create_default_context(cafile=config.ca_file)
    if config.cert_file is not None:
        with _explained("cert_file", config.cert_file):
            context.load_cert_chain(config.cert_file, config.key_file, _refuse)
    if config.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def _explained(key: str, file: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConnectError(f"cannot use slurm.tls_config.{key} {file}: {_words(error)}") from error


def _words(error: OSError) -> str:
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    # OpenSSL's own words are "[SSL] PEM lib (_ssl.c:3905)".
    mismatch = error.reason == "KEY_VALUES_MISMATCH"
    return "the key does not belong to the certificate" if mismatch else "not valid PEM"


def _refuse() -> str:
    """Called when a passphrase is needed, which OpenSSL would ask for on a terminal."""
    raise OSError("the key is encrypted, and nobody is there to enter its passphrase")
