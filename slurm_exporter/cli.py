"""The command: flags, signals, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TypeVar

from slurm_exporter import __version__, log
from slurm_exporter.app import App, once
from slurm_exporter.config import (
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
from slurm_exporter.demo import DemoSlurmctld
from slurm_exporter.errors import ConfigError, ListenError, Problem
from slurm_exporter.signals import HANDLED, Inbox, hear, leave_to_main_thread
from slurm_exporter.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from slurm_exporter.config import Endpoint, Server

OK, FAILED, USAGE = 0, 1, 2

_ENDING = (signal.SIGTERM, signal.SIGINT)

_DIED = 0
"""Stands among the signals for a web server that ended; better be restarted than run without."""

_WEB_CONFIG = "--web.config.file"

_EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104

_HASTE = 6
"""How many times as often as Slurm the simulated slurmctld is polled."""

Value = TypeVar("Value")

_DESCRIPTION = """\
Polls Slurm in the background and serves the newest answers to Prometheus, so that no scrape
ever reaches slurmctld.  Without a config file it polls http://localhost:6817 and listens on
port 9341.  Flags override the file.
"""


def entry() -> NoReturn:
    """Run the command and exit with its code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Returns:
        0 when all went well, 1 when it failed, 2 when flags or config are wrong.
    """
    flags = _parser().parse_args(arguments)
    try:
        with _slurm(flags) as urls:
            return _run(flags, lambda: _config(flags, urls))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return USAGE
    except ListenError as error:
        print(f"slurm_exporter: {error}", file=sys.stderr)
        return FAILED


def _run(flags: argparse.Namespace, load_config: Callable[[], Config]) -> int:
    config = load_config()
    if flags.check:
        # Whether a certificate belongs to its key shows only when both are loaded.
        App(config, load_config)
        count = len(config.enabled_endpoints)
        print(f"{config.file or 'the defaults'}: ok, {count} endpoint{'s' if count > 1 else ''}")
        return OK
    if flags.once:
        return _once(config)
    return _serve(config, load_config, demo=flags.demo)


def _once(config: Config) -> int:
    # Standard output belongs to the page.
    log.set_up(replace(config.logging, output="stderr"))
    page, failures = once(config)
    printed = _print(page)
    for failure in failures:
        print(failure, file=sys.stderr)
    return OK if printed and not failures else FAILED


def _print(page: bytes) -> bool:
    """Write a page to standard output; return whether that worked, and say why not."""
    try:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    except OSError as error:
        # The interpreter flushes once more when it ends, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A reader that leaves early, as head does, has what it wants.
        if not isinstance(error, BrokenPipeError):
            reason = str(error.strerror).lower()
            print(f"slurm_exporter: cannot write the page: {reason}", file=sys.stderr)
            return False
    return True


def _serve(config: Config, load_config: Callable[[], Config], *, demo: bool) -> int:
    log.set_up(config.logging)
    app = App(config, load_config)
    signals = _signals()
    addresses = app.start(died=lambda: signals.put(_DIED))
    if demo:
        print(_where_to_look(config, addresses[0]), flush=True)
    notifier = Notifier()
    notifier.ready()
    number = _run_until_end(app, signals, notifier)
    notifier.stopping()
    app.stop()
    return FAILED if number == _DIED else OK


def _run_until_end(app: App, signals: Inbox, notifier: Notifier) -> int:
    """Reload as often as we are told to, and return what ended us.

    Meanwhile systemd hears how we are.  This thread says it, which else only waits: it needs no
    other one, and keeps any distance that the watchdog asks for.
    """
    while True:
        notifier.report(app.summary(), well=not app.problems())
        number = signals.get(notifier.interval)
        if number == signal.SIGHUP:
            notifier.reloading()
            with contextlib.suppress(ConfigError):  # it was logged, and the old config goes on
                app.reload()
            notifier.ready()
        elif number is not None:
            return number


def _where_to_look(config: Config, address: str) -> str:
    scheme = "https" if config.server.tls else "http"
    host, _, port = address.rpartition(":")
    url = f"{scheme}://{'localhost' if host in _EVERYWHERE else host}:{port}"
    if address.startswith("unix://"):
        url = f"curl --unix-socket {address.removeprefix('unix://')} {scheme}://localhost"
    return (
        "\nA simulated cluster is running.  Look at\n\n"
        f"    {url}/           how the endpoints are\n"
        f"    {url}{config.server.telemetry_path}    what Prometheus gets\n\n"
        "Stop with Ctrl-C.\n"
    )


def _signals() -> Inbox:
    """Collect the signals from now on; a second one that ends us does so at once."""

    def collect(number: int, _: object) -> None:
        if number in _ENDING:
            for ending in _ENDING:
                signal.signal(ending, signal.SIG_DFL)

    for number in HANDLED:
        signal.signal(number, collect)
    return Inbox()


@contextlib.contextmanager
def _slurm(flags: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """Give the URLs that replace the config's: none, or the simulated slurmctld's."""
    if not flags.demo:
        yield ()
        return
    leave_to_main_thread()  # its threads inherit that, and this one takes it back
    with DemoSlurmctld() as slurmctld:
        hear()
        yield (slurmctld.url,)


# ------------------------------------------------------------------ flags over file


def _config(flags: argparse.Namespace, urls: tuple[str, ...]) -> Config:
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
    slurm = Slurm(urls, real.timeout, real.max_duty_cycle, real.body_size_limit)
    config = replace(config, slurm=slurm)
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


def _path(text: str) -> str:
    """Refuse an empty path: it is a script's unset variable, not a flag that was left out."""
    if not text:
        raise argparse.ArgumentTypeError("must be the path of a file")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="slurm_exporter", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument(
        "--config.file",
        "--config",
        dest="config",
        metavar="PATH",
        type=_path,
        help="the YAML config file",
    )
    parser.add_argument(
        "--config.check",
        dest="check",
        action="store_true",
        help="say everything that is wrong with the config, then exit",
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="poll each endpoint once, print the page, exit 1 if one failed",
    )
    parser.add_argument(
        "--demo", action="store_true", help="poll a built-in simulated slurmctld instead of Slurm"
    )
    where = parser.add_mutually_exclusive_group()
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
    parser.add_argument(
        _WEB_CONFIG,
        dest="web_config",
        metavar="PATH",
        type=_path,
        help="TLS and users, in the format that Prometheus' exporters share",
    )
    parser.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        metavar="PATH",
        help="where the metrics are (default /metrics)",
    )
    parser.add_argument(
        "--web.enable-lifecycle",
        dest="enable_lifecycle",
        action="store_true",
        help="allow reloading by POST to /-/reload",
    )
    parser.add_argument(
        "--log.level", dest="log_level", choices=LOG_LEVELS, help="what is logged (default info)"
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=LOG_FORMATS,
        help="how log lines look (default logfmt)",
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"slurm_exporter {__version__} (Python {platform.python_version()})",
    )
    return parser
