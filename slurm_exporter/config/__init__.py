"""The configuration: what can be set, with which defaults, and what is wrong with a file.

``load`` turns a file into a ``Config``, a tree of frozen dataclasses, or raises a ``ConfigError``
that lists every problem of the file at once.
"""

from slurm_exporter.config.load import load, parse
from slurm_exporter.config.model import (
    DEFAULT_ENDPOINTS,
    DEFAULT_PORT,
    HISTORY_BY,
    LABELS_IN_USE,
    LOG_FORMATS,
    LOG_LEVELS,
    MAX_AGE_INTERVALS,
    MORE_ENDPOINTS,
    MORE_LABELS,
    ON_EXPIRY,
    OTHER_ROUTES,
    SOURCES,
    STALE_AFTER_INTERVALS,
    TLS_VERSIONS,
    Address,
    Authorization,
    BasicAuth,
    Cli,
    Config,
    Endpoint,
    History,
    Logging,
    Login,
    Server,
    Slurm,
    Tls,
    TlsConfig,
    UnixAddress,
    WebConfig,
)
from slurm_exporter.config.server import doubles, needs_restart, refreshed
from slurm_exporter.config.since import since_time
from slurm_exporter.config.units import format_duration, parse_duration, parse_size
from slurm_exporter.config.values import check_telemetry_path, parse_address
from slurm_exporter.config.web import load_web_config

__all__ = [
    "DEFAULT_ENDPOINTS",
    "DEFAULT_PORT",
    "HISTORY_BY",
    "LABELS_IN_USE",
    "LOG_FORMATS",
    "LOG_LEVELS",
    "MAX_AGE_INTERVALS",
    "MORE_ENDPOINTS",
    "MORE_LABELS",
    "ON_EXPIRY",
    "OTHER_ROUTES",
    "SOURCES",
    "STALE_AFTER_INTERVALS",
    "TLS_VERSIONS",
    "Address",
    "Authorization",
    "BasicAuth",
    "Cli",
    "Config",
    "Endpoint",
    "History",
    "Logging",
    "Login",
    "Server",
    "Slurm",
    "Tls",
    "TlsConfig",
    "UnixAddress",
    "WebConfig",
    "check_telemetry_path",
    "doubles",
    "format_duration",
    "load",
    "load_web_config",
    "needs_restart",
    "parse",
    "parse_address",
    "parse_duration",
    "parse_size",
    "refreshed",
    "since_time",
]
