"""What can be configured, with every default, as frozen dataclasses.

Durations are seconds (float), sizes are bytes (int), whatever unit the file used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT = 9341

SOURCES = ("auto", "openmetrics", "cli")
"""How an endpoint can be asked."""

ON_EXPIRY = ("drop", "keep")
"""What can become of an expired snapshot."""

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("logfmt", "json")
TLS_VERSIONS = ("TLS12", "TLS13")

STALE_AFTER_INTERVALS = 2
"""``stale_after`` when it is not given: this many intervals plus the timeout."""

MAX_AGE_INTERVALS = 5
"""``max_age`` when it is not given: this many intervals plus the timeout."""

RELOAD = "/-/reload"
OTHER_ROUTES = ("/", "/-/healthy", "/-/ready", RELOAD, "/api/v1/endpoints")
"""Our own routes besides ``telemetry_path``, which must not be one of them."""

LABELS_IN_USE: Mapping[str, str] = MappingProxyType(
    {
        "node": "Slurm",
        "partition": "Slurm",
        "username": "Slurm",
        "account": "Slurm",
        "endpoint": "slurm_exporter",
        "reason": "slurm_exporter",
        "phase": "slurm_exporter",
        "handler": "slurm_exporter",
        "code": "slurm_exporter",
        "url": "slurm_exporter",
        "version": "slurm_exporter",
        "revision": "slurm_exporter",
        "python_version": "slurm_exporter",
    }
)
"""Labels that samples carry always, and whose samples: a global label cannot have their names.

Some endpoints have ``MORE_LABELS``.
"""


@dataclass(frozen=True, slots=True)
class Authorization:
    """Where the token comes from that slurmctld wants; one of the two is given.

    Attributes:
        credentials_file: a file that holds it, and that somebody else renews.
        token_command: a program and its arguments; it prints one.
    """

    credentials_file: str | None = None
    token_command: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """TLS to a proxy in front of slurmctld, in Prometheus' words.

    Attributes:
        ca_file: PEM file of the authorities to trust; None trusts the system's.
        cert_file: PEM file with the certificate that we present; None presents none.
        key_file: PEM file with its private key.
        server_name: the name that the server's certificate must have; None is the URL's host.
        insecure_skip_verify: whether any certificate will do.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """A user of a proxy in front of slurmctld.

    Attributes:
        username: his name.
        password: his password, unless it is in a file.
        password_file: a file that holds it, and that somebody else may change.
    """

    username: str
    password: str = field(default="", repr=False)
    password_file: str | None = None


@dataclass(frozen=True, slots=True)
class Cli:
    """How Slurm's commands are run.

    Attributes:
        path: the directories that they are in, as in ``PATH``; None is our own ``PATH``.
        state_directory: where is kept what must outlive a restart; None is systemd's
            ``$STATE_DIRECTORY``, and nowhere without that.
    """

    path: str | None = None
    state_directory: str | None = None


@dataclass(frozen=True, slots=True)
class Slurm:
    """How Slurm is reached.

    Attributes:
        source: how endpoints are asked that say nothing of their own.
        urls: base URLs of the controllers, primary first, without a trailing slash.
        timeout: total seconds of one poll, for endpoints that set none of their own.
        max_duty_cycle: largest share of an interval that a poll may take (0 < x <= 1).
        body_size_limit: largest accepted answer in bytes; 0 means no limit.
        authorization: the token that is shown; None shows none.
        user: whom to be, for a token that is good for several users; None is the token's own.
        tls_config: how the servers of ``https`` URLs are trusted.
        basic_auth: the user that a proxy in front of slurmctld wants; None shows none.
        headers: pairs of (name, secret value) that such a proxy wants.
        proxy_from_environment: whether ``HTTP_PROXY`` and its like are obeyed.
        cli: how commands are run.
        corrections: whether numbers that slurmctld gets wrong are made right, or left out.
    """

    source: str = "auto"
    urls: tuple[str, ...] = ("http://localhost:6817",)
    timeout: float = 10.0
    max_duty_cycle: float = 0.1
    body_size_limit: int = 256 * 1024 * 1024
    authorization: Authorization | None = None
    user: str | None = None
    tls_config: TlsConfig = TlsConfig()
    basic_auth: Login | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy_from_environment: bool = False
    cli: Cli = Cli()
    corrections: bool = False


HISTORY_BY = ("account", "user")
"""By what ended jobs can be counted besides their partition."""


@dataclass(frozen=True, slots=True)
class History:
    """Which ended jobs are counted, and how.

    Attributes:
        since: a span or a time, such as ``24 hours ago``: those that ended before do not count.
        by: of ``HISTORY_BY``.
        overlap: seconds for which it is asked again what ended, since slurmdbd may learn of it
            late.
    """

    since: str = "24 hours ago"
    by: tuple[str, ...] = ()
    overlap: float = 600.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that is asked of Slurm.

    Attributes:
        name: the endpoint's name and label value, such as ``jobs``.
        path: what is appended to the controller's URL; empty when slurmctld has no such endpoint.
        source: how it is asked; ``openmetrics`` is HTTP to slurmctld, ``cli`` are Slurm's
            commands, ``auto`` the commands where slurmctld has no metrics.
        enabled: whether it is polled at all.
        interval: seconds between the starts of two polls.
        cli_interval: the same while commands answer, each of which costs slurmctld more.
        timeout: total seconds of one poll; at most ``interval``.
        stale_after: age in seconds at which the snapshot counts as stale;
            None means 2 x interval + timeout.
        max_age: age in seconds at which it expires; None means 5 x interval + timeout.
        on_expiry: ``drop`` takes an expired snapshot off the page, ``keep`` goes on serving it.
        history: what is counted; None for all endpoints but ``history``.
    """

    name: str
    path: str
    source: str = "auto"
    enabled: bool = True
    interval: float = 60.0
    cli_interval: float = 60.0
    timeout: float = 10.0
    stale_after: float | None = None
    max_age: float | None = None
    on_expiry: str = "drop"
    history: History | None = None

    def interval_with(self, source: str) -> float:
        """Return the seconds between polls that a source answers."""
        return self.cli_interval if source == "cli" else self.interval


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.  An empty host means every address of the machine, IPv4 and IPv6."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """Where to listen for processes of this machine only: the absolute path of a unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """Who may read our pages: user names and their passwords, plain or as bcrypt hashes.

    Attributes:
        users: pairs of (user name, password or bcrypt hash).
        hashed: whether the passwords are bcrypt hashes.
        file: the file that the password is from, when it has one of its own.
    """

    users: tuple[tuple[str, str], ...] = field(repr=False)
    hashed: bool = False
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """Serving over TLS.

    Attributes:
        cert_file: PEM file with the certificate chain.
        key_file: PEM file with the private key.
        client_ca_file: PEM file of the authorities whose client certificates are accepted;
            None asks for no client certificate.
        client_auth_required: whether a client must present one.
        client_allowed_sans: names of which a client's certificate must have one; empty allows
            every certificate of the authorities.
        min_version: ``TLS12`` or ``TLS13``.
        max_version: the same.
        ciphers: OpenSSL's names of the suites for TLS 1.2; empty leaves the choice to OpenSSL.
        curve: OpenSSL's name of the only curve; None leaves the choice to OpenSSL.
    """

    cert_file: str
    key_file: str
    client_ca_file: str | None = None
    client_auth_required: bool = False
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    ciphers: tuple[str, ...] = ()
    curve: str | None = None


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What a web configuration file says.

    Attributes:
        basic_auth: None lets everybody in.
        tls: None serves plain HTTP.
        headers: pairs of (name, value) that every answer gets.
        notes: what is asked for in vain, as sentences.
    """

    basic_auth: BasicAuth | None = None
    tls: Tls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """How our own pages are served.

    Attributes:
        listen: addresses; the default is every address of the machine on port 9341.
        telemetry_path: where the page of metrics is.
        enable_lifecycle: whether ``/-/reload`` may be used.
        basic_auth: None lets everybody in.
        tls: None serves plain HTTP.
        open_paths: paths that need no password.
        headers: pairs of (name, value) that every answer gets.
        web_config_file: the file that ``basic_auth``, ``tls`` and ``headers`` are from, when they
            are not from the config file.
        systemd_socket: whether systemd passes the sockets, instead of ``listen``.
        notes: what is asked for in vain, as sentences.
    """

    listen: tuple[Address | UnixAddress, ...] = (Address("", DEFAULT_PORT),)
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    basic_auth: BasicAuth | None = None
    tls: Tls | None = None
    open_paths: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    web_config_file: str | None = None
    systemd_socket: bool = False
    notes: tuple[str, ...] = ()

    @property
    def user_files(self) -> tuple[str, ...]:
        """The files that say who may read our pages, and may change at any time."""
        own = self.basic_auth.file if self.basic_auth is not None else None
        return tuple(file for file in (self.web_config_file, own) if file is not None)


@dataclass(frozen=True, slots=True)
class Logging:
    """What is logged, how and where to.

    Attributes:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        format: ``logfmt`` or ``json``.
        output: ``stderr``, ``stdout`` or the path of a file.
    """

    level: str = "info"
    format: str = "logfmt"
    output: str = "stderr"


DEFAULT_ENDPOINTS = (
    Endpoint("jobs", "/metrics/jobs", interval=30.0),
    Endpoint("nodes", "/metrics/nodes", interval=60.0),
    Endpoint("partitions", "/metrics/partitions", interval=60.0),
    Endpoint("jobs-users-accts", "/metrics/jobs-users-accts", interval=120.0, cli_interval=120.0),
    Endpoint("scheduler", "/metrics/scheduler", interval=30.0),
)
"""The endpoints that are polled when the config lists none: slurmctld's own five."""

MORE_ENDPOINTS = (
    Endpoint("queue", "", source="cli"),
    Endpoint("node-states", "", source="cli"),
    Endpoint("gpus", "", source="cli"),
    Endpoint("fairshare", "", source="cli", interval=120.0, cli_interval=120.0),
    Endpoint("reservations", "", source="cli"),
    Endpoint("licenses", "", source="cli"),
    Endpoint("limits", "", source="cli", interval=120.0, cli_interval=120.0),
    Endpoint("rpcs", "", source="cli"),
    Endpoint("controllers", "", source="cli"),
    Endpoint("history", "", source="cli", interval=300.0, cli_interval=300.0, history=History()),
)
"""The endpoints that are polled only if the config lists them: slurmctld has nothing like them."""

MORE_LABELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "node-states": ("state", "flag"),
        "gpus": ("model",),
        "reservations": ("reservation", "state", "users", "accounts", "flags"),
        "licenses": ("license",),
        "limits": ("qos", "tres"),
        "rpcs": ("message_type",),
        "controllers": ("host", "role"),
        "history": ("state",),
    }
)
"""Labels that only samples of these endpoints have: a global label cannot have their names either,
where one of them is polled."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be configured.

    Attributes:
        file: the config file as the operator named it; None when there is none.
        endpoints: all configured endpoints, disabled ones included, in the file's order.
        labels: global labels as (name, value) pairs in the file's order.
    """

    file: str | None = None
    slurm: Slurm = Slurm()
    server: Server = Server()
    endpoints: tuple[Endpoint, ...] = DEFAULT_ENDPOINTS
    labels: tuple[tuple[str, str], ...] = ()
    logging: Logging = Logging()

    @property
    def enabled_endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that are polled."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.enabled)
