"""TLS for our own pages, with certificates that may be renewed at any time."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from slurm_exporter.web.files import states

if TYPE_CHECKING:
    from collections.abc import Mapping

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
                belong together; or OpenSSL has no such cipher suite or curve.
        """
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.sni_callback = self._lend
        # A session that is resumed is not verified again, whatever has changed since.
        self.context.options |= ssl.OP_NO_TICKET
        self.context.num_tickets = 0
        self.context.sslobject_class = self._guarded()
        _choose(self.context, config)
        self.use(config)

    def use(self, config: Tls) -> None:
        """Serve as another config says, from the next connection on, but for suites and curve.

        Raises:
            OSError: see the constructor; everything stays as it was.
        """
        files = (config.cert_file, config.key_file, config.client_ca_file)
        names = [file for file in files if file is not None]
        loaded, newest = states(names), _load(config)
        context = self.context
        context.minimum_version = _VERSIONS[config.min_version]
        context.maximum_version = _VERSIONS[config.max_version]
        context.verify_mode = _verify_mode(config)
        self._config, self._files = config, names
        self._loaded, self._newest = loaded, newest

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
        self._newest = _load(self._config)
        self._loaded = now
        return True

    def _guarded(self) -> type[ssl.SSLObject]:
        """Make the class of connections that admits only clients with an allowed name."""
        certificate = self

        class Guarded(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                certificate.admit(self.getpeercert(), resumed=bool(self.session_reused))

        return Guarded

    def admit(self, peer: Mapping[str, Any] | None, *, resumed: bool) -> None:
        """Let a client in whose certificate has one of the allowed names.

        Raises:
            ssl.SSLError: it has none of them, or there is no certificate; or nobody has looked at
                it, since a session of TLS 1.2 was resumed.
        """
        if resumed and self._config.client_ca_file is not None:
            raise ssl.SSLError("the session was resumed, so the certificate was not verified")
        allowed = self._config.client_allowed_sans
        names = {name for _, name in (peer or {}).get("subjectAltName", ())}
        if allowed and names.isdisjoint(allowed):
            raise ssl.SSLError("none of the names in the client's certificate is allowed")

    def _lend(self, connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        """Called by OpenSSL for every connection, whether it names a server or not."""
        connection.context = self._newest


def _choose(context: ssl.SSLContext, config: Tls) -> None:
    """Set suites and curve, which a context cannot forget again.

    Raises:
        OSError: OpenSSL has no such cipher suite or curve.
    """
    try:
        if config.ciphers:
            context.set_ciphers(":".join(config.ciphers))
        if config.curve is not None:
            context.set_ecdh_curve(config.curve)
    except (ssl.SSLError, ValueError) as error:
        raise OSError("OpenSSL has no such cipher suite or curve") from error


def _verify_mode(config: Tls) -> ssl.VerifyMode:
    if config.client_ca_file is None:
        return ssl.CERT_NONE
    return ssl.CERT_REQUIRED if config.client_auth_required else ssl.CERT_OPTIONAL


def _load(config: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Python shows nobody's certificate to who does not verify it.
    context.verify_mode = _verify_mode(config)
    try:
        context.load_cert_chain(config.cert_file, config.key_file, _refuse)
    except ssl.SSLError as error:
        # OpenSSL's own words are "[SSL] PEM lib (_ssl.c:3905)".
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        words = "the key does not belong to the certificate" if mismatch else "not valid PEM"
        raise OSError(words) from error
    if config.client_ca_file is not None:
        try:
            context.load_verify_locations(config.client_ca_file)
        except ssl.SSLError as error:
            raise OSError(f"{config.client_ca_file} has no certificate in PEM") from error
    return context


def _refuse() -> str:
    """Called when a passphrase is needed, which OpenSSL would ask for on a terminal."""
    raise OSError("the key is encrypted, and a server has nobody to ask for the passphrase")
