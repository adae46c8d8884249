"""What stands between us and slurmctld: TLS, and a proxy's users and headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slurm_exporter.config.fields import distinct
from slurm_exporter.config.files import beside, readable
from slurm_exporter.config.model import Login, TlsConfig
from slurm_exporter.config.values import check_not_empty, check_user_name

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")

_OUR_OWN = (
    *("accept", "accept-encoding", "connection", "content-length", "expect", "host"),
    *("keep-alive", "proxy-authorization", "te", "transfer-encoding", "upgrade", "user-agent"),
)
_ELSEWHERE = {
    "authorization": "slurm.authorization or slurm.basic_auth",
    "x-slurm-user-token": "slurm.authorization",
    "x-slurm-user-name": "slurm.user",
}


def read_path(field: Field) -> str | None:
    """The path of a file that comes and goes while we run, and need not be there yet."""
    return field.text(lambda text: beside(text, field.problems.file), None)


def read_tls_config(section: Section) -> TlsConfig:
    """How far a server's certificate is trusted, and which one we present."""
    ca = section.take("ca_file")
    cert, key = section.take("cert_file"), section.take("key_file")
    for file, other in ((cert, key), (key, cert)):
        if other.given and not file.given:
            file.fail("is required, since the other of cert_file and key_file is given")
    name = section.take("server_name")
    insecure = section.take("insecure_skip_verify").boolean(default=False)
    section.finish()
    if insecure and ca.given:
        ca.fail("is not looked at with insecure_skip_verify; keep one of them")
    return TlsConfig(
        ca_file=_read_file(ca),
        cert_file=_read_file(cert),
        key_file=_read_file(key),
        server_name=name.text(_check_host, None),
        insecure_skip_verify=insecure,
    )


def _read_file(field: Field) -> str | None:
    return field.text(lambda text: readable(beside(text, field.problems.file)), None)


def _check_host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("must be a host name or an address")
    return text


def read_login(section: Section) -> Login | None:
    """The user that a proxy in front of slurmctld asks for."""
    name = section.take("username", required=not section.empty)
    password, file = section.either("password", "password_file")
    section.finish()
    if section.empty:
        return None
    if not (password.given or file.given):
        password.fail("is required, or password_file instead")
    return Login(
        username=name.text(check_user_name, ""),
        password=password.text(check_not_empty, ""),
        password_file=read_path(file),
    )


def read_headers(section: Section) -> tuple[tuple[str, str], ...]:
    """Headers that a proxy in front of slurmctld asks for; their values are never shown."""
    fields = section.all()
    distinct(((field, name.lower()) for name, field in fields), "header")
    return tuple((field.key(_check_name, name), _read_value(field)) for name, field in fields)


def _read_value(field: Field) -> str:
    value = field.any_text("")
    if not _HEADER_VALUE.fullmatch(value):
        field.fail("must be printable ASCII, without spaces at its ends")
    return value


def _check_name(name: str) -> str:
    lower = name.lower()
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("is no name for a header")
    if lower in _OUR_OWN:
        raise ValueError("is a header that slurm_exporter sets itself")
    if lower in _ELSEWHERE:
        raise ValueError(f"is what {_ELSEWHERE[lower]} sets; use that")
    return name
