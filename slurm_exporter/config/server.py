"""The section ``server``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.config.fields import distinct
from slurm_exporter.config.files import beside, readable
from slurm_exporter.config.model import Address, BasicAuth, Server, Tls, UnixAddress
from slurm_exporter.config.values import (
    ADDRESS_FORM,
    PORT_FORM,
    check_password,
    check_port,
    check_telemetry_path,
    check_user_name,
    parse_address,
)

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

    _Addresses = tuple[Address | UnixAddress, ...]


def read_server(section: Section) -> Server:
    """How our own pages are served; the defaults for what the section leaves out."""
    default = Server()
    server = Server(
        listen=_read_listen(section, default.listen),
        telemetry_path=section.take("telemetry_path").text(
            check_telemetry_path, default.telemetry_path
        ),
        enable_lifecycle=section.take("enable_lifecycle").boolean(default=default.enable_lifecycle),
        basic_auth=_read_basic_auth(section.section("basic_auth")),
        tls=_read_ssl(section.section("ssl")),
    )
    section.finish()
    return server


def read_file(field: Field) -> str:
    """The path of a file that must be readable; empty when it is absent or wrong."""
    file = field.problems.file
    return field.text(lambda text: readable(beside(text, file)), "")


def _read_listen(section: Section, default: _Addresses) -> _Addresses:
    port, listen = section.either("port", "listen")
    if listen.given:
        return _read_addresses(listen) or default
    number = port.number(check_port, None, PORT_FORM)
    return default if number is None else (Address("", number),)


def _read_addresses(listen: Field) -> _Addresses:
    wanted = f"{ADDRESS_FORM}, or a list of them"
    items = listen.one_or_more(wanted)
    if items == ():
        listen.fail(f"must be {wanted}, not an empty list")
    pairs = ((item, item.text(parse_address, None, ADDRESS_FORM)) for item in items or ())
    return distinct(pairs, "address")


def _read_basic_auth(section: Section) -> BasicAuth | None:
    enabled = _read_enabled(section)
    name = section.take("username", required=enabled)
    password = section.take("password", required=enabled)
    section.finish()
    if not enabled:
        return None
    return BasicAuth(((name.text(check_user_name, ""), password.text(check_password, "")),))


def _read_ssl(section: Section) -> Tls | None:
    enabled = _read_enabled(section)
    cert = section.take("cert_file", required=enabled)
    key = section.take("key_file", required=enabled)
    section.finish()
    return Tls(read_file(cert), read_file(key)) if enabled else None


def _read_enabled(section: Section) -> bool:
    """Whether a protection is on; who configures one must say so, lest it be off unnoticed."""
    enabled = section.take("enabled")
    if not (enabled.given or section.empty):
        enabled.fail("is required here; write true or false")
    return enabled.boolean(default=False)
