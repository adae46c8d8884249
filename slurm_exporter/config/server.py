"""The section ``server``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from slurm_exporter.config.fields import distinct
from slurm_exporter.config.files import read_file, read_secret
from slurm_exporter.config.model import (
    OTHER_ROUTES,
    RELOAD,
    Address,
    BasicAuth,
    Server,
    Tls,
    UnixAddress,
    WebConfig,
)
from slurm_exporter.config.values import (
    ADDRESS_FORM,
    PORT_FORM,
    check_bcrypt_hash,
    check_password,
    check_port,
    check_telemetry_path,
    check_user_name,
    parse_address,
)
from slurm_exporter.config.web import load_web_config
from slurm_exporter.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

    _Addresses = tuple[Address | UnixAddress, ...]

_PASSWORDS = ("password", "password_file", "password_hash")


def read_server(section: Section) -> Server:
    """How our own pages are served; the defaults for what the section leaves out."""
    default = Server()
    auth, ssl = section.section("basic_auth"), section.section("ssl")
    own = WebConfig(_read_basic_auth(auth), _read_ssl(ssl))
    web, file = _read_web_config(section.take("web_config_file"), own)
    telemetry_path = section.take("telemetry_path").text(
        check_telemetry_path, default.telemetry_path
    )
    server = Server(
        listen=_read_listen(section, default.listen),
        telemetry_path=telemetry_path,
        enable_lifecycle=section.take("enable_lifecycle").boolean(default=default.enable_lifecycle),
        basic_auth=web.basic_auth,
        tls=web.tls,
        open_paths=_read_open_paths(section.take("open_paths"), telemetry_path),
        headers=web.headers,
        web_config_file=file,
        notes=web.notes,
    )
    section.finish()
    return server


def _read_web_config(field: Field, own: WebConfig) -> tuple[WebConfig, str | None]:
    """What the web configuration file says, or else what the section says itself."""
    file = read_file(field)
    if not file:
        return own, None
    try:
        web = load_web_config(file)
    except ConfigError as error:
        field.problems.include(error)
        return own, None
    for remedy in doubles(own):
        field.fail(f"cannot be used together with {remedy}")
    return web, file


def refreshed(server: Server) -> Server:
    """The same, with what the files of its users and certificates say now.

    Nothing else of the config is looked at: what an operator has written there counts when he
    reloads it.

    Raises:
        ConfigError: the web configuration file cannot be read or is wrong.
        ValueError: the file of the password cannot be read or is wrong.
    """
    if server.web_config_file is not None:
        web = load_web_config(server.web_config_file)
        return replace(
            server, basic_auth=web.basic_auth, tls=web.tls, headers=web.headers, notes=web.notes
        )
    auth = server.basic_auth
    if auth is None or auth.file is None:
        return server
    password = check_password(read_secret(auth.file))
    users = tuple((name, password) for name, _ in auth.users)
    return replace(server, basic_auth=replace(auth, users=users))


def needs_restart(old: Server, new: Server) -> list[str]:
    """Name the keys that differ and count only when the exporter is started again."""
    changed = {
        "server.listen": old.listen != new.listen,
        "server.ssl": (old.tls is None) != (new.tls is None),
        "tls_server_config": _fixed(old.tls) != _fixed(new.tls),
    }
    return [key for key, differs in changed.items() if differs]


def _fixed(tls: Tls | None) -> tuple[object, ...]:
    """Return what a TLS context cannot change while it is in use."""
    return (tls.ciphers, tls.curve) if tls is not None else ()


def doubles(own: WebConfig) -> Iterator[str]:
    """Say what a config file may not have itself when it has a web configuration file.

    To choose between two protections would leave one of them off unnoticed.
    """
    if own.basic_auth is not None:
        yield "server.basic_auth; move its user to basic_auth_users"
    if own.tls is not None:
        yield "server.ssl; move its files to tls_server_config"


def _read_open_paths(field: Field, telemetry_path: str) -> tuple[str, ...]:
    allowed = (telemetry_path, *(path for path in OTHER_ROUTES if path != RELOAD))
    items = field.items("a list of paths") or ()
    return distinct([(item, item.choice(allowed, "") or None) for item in items], "path")


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
    password, file, hashed = (section.take(key) for key in _PASSWORDS)
    given = [field for field in (password, file, hashed) if field.given]
    if enabled and not given:
        password.fail("is required, or password_file, or password_hash")
    for other in given[1:]:
        other.fail("is one too many; keep one of password, password_file and password_hash")
    section.finish()
    if not enabled:
        return None
    user = name.text(check_user_name, "")
    if hashed.given:
        known = hashed.text(check_bcrypt_hash, "", "a bcrypt hash")
        return BasicAuth(((user, known),), hashed=True)
    if file.given:
        path = read_file(file)
        secret = file.text(lambda _: check_password(read_secret(path)), "") if path else ""
        return BasicAuth(((user, secret),), file=path)
    return BasicAuth(((user, password.text(check_password, "")),))


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
