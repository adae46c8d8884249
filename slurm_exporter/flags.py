"""The command's flags, which override the config file."""

from __future__ import annotations

import argparse
import platform
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from slurm_exporter import __version__
from slurm_exporter.config import (
    DEFAULT_ENDPOINTS,
    LOG_FORMATS,
    LOG_LEVELS,
    Config,
    Slurm,
    WebConfig,
    check_telemetry_path,
    doubles,
    load,
    load_web_config,
    parse_address,
)
from slurm_exporter.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.config import Endpoint, Server

Value = TypeVar("Value")

_WEB_CONFIG = "--web.config.file"

_HASTE = 6
"""How many times as often as Slurm the simulated slurmctld is polled."""

_DESCRIPTION = """\
Polls Slurm in the background and serves the newest answers to Prometheus, so that no scrape
ever reaches slurmctld.  Without a config file it polls http://localhost:6817 and listens on
port 9341.  Flags override the file.
"""


def _path(text: str) -> str:
    """Refuse an empty path: it is a script's unset variable, not a flag that was left out."""
    if not text:
        raise argparse.ArgumentTypeError("must be the path of a file")
    return text


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command's arguments."""
    flags = argparse.ArgumentParser(
        prog="slurm_exporter", description=_DESCRIPTION, allow_abbrev=False
    )
    flags.add_argument(
        "--config.file",
        "--config",
        dest="config",
        metavar="PATH",
        type=_path,
        help="the YAML config file",
    )
    flags.add_argument(
        "--config.check",
        dest="check",
        action="store_true",
        help="say everything that is wrong with the config, then exit",
    )
    flags.add_argument(
        "--once",
        action="store_true",
        help="poll each endpoint once, print the page, exit 1 if one failed",
    )
    flags.add_argument(
        "--demo", action="store_true", help="poll a built-in simulated slurmctld instead of Slurm"
    )
    where = flags.add_mutually_exclusive_group()
    where.add_argument(
        "--web.listen-address",
        dest="listen",
        action="append",
        metavar="ADDRESS",
        help="where to listen: HOST:PORT or unix:///PATH (repeatable, default :9341)",
    )
    where.add_argument(
        "--web.systemd-socket",
        dest="systemd_socket",
        action="store_true",
        help="listen on the sockets that systemd passes, instead of addresses",
    )
    flags.add_argument(
        _WEB_CONFIG,
        dest="web_config",
        metavar="PATH",
        type=_path,
        help="TLS and users, in the format that Prometheus' exporters share",
    )
    flags.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        metavar="PATH",
        help="where the metrics are (default /metrics)",
    )
    flags.add_argument(
        "--web.enable-lifecycle",
        dest="enable_lifecycle",
        action="store_true",
        help="allow reloading by POST to /-/reload",
    )
    flags.add_argument(
        "--log.level", dest="log_level", choices=LOG_LEVELS, help="what is logged (default info)"
    )
    flags.add_argument(
        "--log.format",
        dest="log_format",
        choices=LOG_FORMATS,
        help="how log lines look (default logfmt)",
    )
    flags.add_argument(
        "--version",
        action="version",
        version=f"slurm_exporter {__version__} (Python {platform.python_version()})",
    )
    return flags


def configured(flags: argparse.Namespace, urls: tuple[str, ...]) -> Config:
    """Load the file, if there is one, and put the flags over it.

    Raises:
        ConfigError: the file or a flag is wrong.
    """
    config = load(flags.config) if flags.config is not None else Config()
    server = _server(flags, config.server)
    logging = replace(
        config.logging,
        level=flags.log_level or config.logging.level,
        format=flags.log_format or config.logging.format,
    )
    config = replace(config, server=server, logging=logging)
    return _demonstrated(config, urls) if urls else config


def _demonstrated(config: Config, urls: tuple[str, ...]) -> Config:
    """Poll the simulated slurmctld, often enough to watch it live unless a file says how often."""
    # What leads to the real one, its token above all, is none of the simulation's business.
    real = config.slurm
    slurm = Slurm(
        source="openmetrics",
        urls=urls,
        timeout=real.timeout,
        max_duty_cycle=real.max_duty_cycle,
        body_size_limit=real.body_size_limit,
    )
    # Nor are commands, which would ask the real one; what only they know is left out.
    listed = [one for one in config.enabled_endpoints if one.path]
    endpoints = (replace(one, source="openmetrics") for one in listed or DEFAULT_ENDPOINTS)
    config = replace(config, slurm=slurm, endpoints=tuple(endpoints))
    if config.file is not None:
        return config
    return replace(config, endpoints=tuple(map(_hastened, config.endpoints)))


def _hastened(endpoint: Endpoint) -> Endpoint:
    interval = endpoint.interval / _HASTE
    return replace(endpoint, interval=interval, timeout=min(endpoint.timeout, interval))


def _server(flags: argparse.Namespace, server: Server) -> Server:
    if flags.listen is not None:
        listen = [_checked("--web.listen-address", parse_address, text) for text in flags.listen]
        server = replace(server, listen=tuple(listen))
    if flags.systemd_socket:
        server = replace(server, systemd_socket=True)
    if flags.telemetry_path is not None:
        path = _checked("--web.telemetry-path", check_telemetry_path, flags.telemetry_path)
        server = replace(server, telemetry_path=path)
    if flags.enable_lifecycle:
        server = replace(server, enable_lifecycle=True)
    if flags.web_config is not None:
        server = _protected(server, flags.web_config)
    return server


def _protected(server: Server, file: str) -> Server:
    """Put a web configuration file in the place of the one that the config names, if any."""
    web = load_web_config(file)
    if server.web_config_file is None:
        problems = tuple(
            Problem(_WEB_CONFIG, None, "", f"cannot be used together with {remedy}")
            for remedy in doubles(WebConfig(server.basic_auth, server.tls))
        )
        if problems:
            raise ConfigError(problems)
    return replace(
        server,
        basic_auth=web.basic_auth,
        tls=web.tls,
        headers=web.headers,
        web_config_file=file,
        notes=web.notes,
    )


def _checked(flag: str, check: Callable[[str], Value], text: str) -> Value:
    try:
        return check(text)
    except ValueError as error:
        raise ConfigError((Problem(flag, None, "", str(error)),)) from error
