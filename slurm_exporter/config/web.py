"""The web configuration file that Prometheus exporters share (``--web.config.file``).

Its format is exporter-toolkit's.  A setting of it that we cannot honour is refused rather than
ignored: it is there to protect something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.config.files import read_text
from slurm_exporter.config.model import TLS_VERSIONS, BasicAuth, Tls
from slurm_exporter.config.problems import Problems
from slurm_exporter.config.sections import open_document
from slurm_exporter.config.server import read_file
from slurm_exporter.config.values import check_bcrypt_hash, check_user_name

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

_NO_CLIENT_CERT = "NoClientCert"
_IF_GIVEN = "VerifyClientCertIfGiven"
_REQUIRED = "RequireAndVerifyClientCert"

_UNSUPPORTED = "is a setting of exporter-toolkit that slurm_exporter does not support; remove it"
_UNSUPPORTED_TLS = (
    "cert",
    "key",
    "client_ca",
    "client_allowed_sans",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)


def load_web_config(path: str) -> tuple[BasicAuth | None, Tls | None]:
    """Who may read our pages, and the TLS they are served over; None where the file says nothing.

    Args:
        path: the file; relative paths in it are relative to it.

    Raises:
        ConfigError: it cannot be read or is wrong; has every problem, in the order of the file.
    """
    problems = Problems(path)
    root = open_document(read_text(path, problems), problems)
    basic_auth = _read_users(root.section("basic_auth_users"))
    tls = _read_tls(root.section("tls_server_config"))
    _read_http(root.section("http_server_config"))
    root.refuse(("rate_limit",), _UNSUPPORTED)
    root.finish()
    problems.raise_if_any()
    return basic_auth, tls


def _read_users(section: Section) -> BasicAuth | None:
    users = tuple(_read_user(name, field) for name, field in section.all())
    return BasicAuth(users, hashed=True) if users else None


def _read_user(name: str, field: Field) -> tuple[str, str]:
    return field.key(check_user_name, name), field.text(check_bcrypt_hash, "", "a bcrypt hash")


def _read_tls(section: Section) -> Tls | None:
    if section.empty:
        return None
    auth_type = section.take("client_auth_type")
    policy = auth_type.choice((_NO_CLIENT_CERT, _IF_GIVEN, _REQUIRED), _NO_CLIENT_CERT)
    client_ca = section.take("client_ca_file", required=policy != _NO_CLIENT_CERT)
    if client_ca.given and policy == _NO_CLIENT_CERT and auth_type.clean:
        client_ca.fail(f"needs client_auth_type {_IF_GIVEN} or {_REQUIRED}")
    tls = Tls(
        cert_file=read_file(section.take("cert_file", required=True)),
        key_file=read_file(section.take("key_file", required=True)),
        client_ca_file=read_file(client_ca) or None,
        client_auth_required=policy == _REQUIRED,
        min_version=section.take("min_version").choice(TLS_VERSIONS, TLS_VERSIONS[0]),
    )
    section.refuse(_UNSUPPORTED_TLS, _UNSUPPORTED)
    section.finish()
    return tls


def _read_http(section: Section) -> None:
    # Our server speaks HTTP/1.1 only, which is what clients get with http2 either way.
    section.take("http2").boolean(default=True)
    section.refuse(("headers",), _UNSUPPORTED)
    section.finish()
