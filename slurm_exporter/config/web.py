"""The web configuration file that Prometheus exporters share (``--web.config.file``).

Its format is exporter-toolkit's.  A setting of it that we cannot honour is refused rather than
ignored: it is there to protect something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.config.files import read_text
from slurm_exporter.config.model import BasicAuth, WebConfig
from slurm_exporter.config.problems import Problems
from slurm_exporter.config.sections import open_document
from slurm_exporter.config.tls import read_tls
from slurm_exporter.config.values import check_bcrypt_hash, check_header_value, check_user_name

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

_HEADERS = (
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
)
_OPEN = "the web configuration file has neither users nor TLS: everybody may read"
_NO_HTTP2 = "http_server_config.http2: only HTTP/1.1 is served, which every client speaks as well"


def load_web_config(path: str) -> WebConfig:
    """Who may read our pages, and how they are served.

    Args:
        path: the file; relative paths in it are relative to it.

    Raises:
        ConfigError: it cannot be read or is wrong; has every problem, in the order of the file.
    """
    problems = Problems(path)
    root = open_document(read_text(path, problems), problems)
    basic_auth = _read_users(root.section("basic_auth_users"))
    tls = read_tls(root.section("tls_server_config"))
    headers, notes = _read_http(root.section("http_server_config"))
    if basic_auth is None and tls is None:
        notes += (_OPEN,)
    root.refuse(
        ("rate_limit",),
        "is a setting of exporter-toolkit that slurm_exporter does not support; remove it",
    )
    root.finish()
    problems.raise_if_any()
    return WebConfig(basic_auth, tls, headers, notes)


def _read_users(section: Section) -> BasicAuth | None:
    users = tuple(_read_user(name, field) for name, field in section.all())
    return BasicAuth(users, hashed=True) if users else None


def _read_user(name: str, field: Field) -> tuple[str, str]:
    return field.key(check_user_name, name), field.text(check_bcrypt_hash, "", "a bcrypt hash")


def _read_http(section: Section) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    # Who leaves http2 out does not expect it, though it is on in exporter-toolkit then.
    http2 = section.take("http2").boolean(default=False)
    wanted = section.section("headers")
    values = {name: wanted.take(name).text(check_header_value, "") for name in _HEADERS}
    wanted.finish()
    section.finish()
    headers = tuple((name, value) for name, value in values.items() if value)
    return headers, (_NO_HTTP2,) if http2 else ()
