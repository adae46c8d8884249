"""The command: flags, signals, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import platform
import queue
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
    check_telemetry_path,
    load,
    load_web_config,
    parse_address,
)
from slurm_exporter.demo import DemoSlurmctld
from slurm_exporter.errors import ConfigError, ListenError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from slurm_exporter.config import Server

OK, FAILED, USAGE = 0, 1, 2

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
        print(f"{config.file or 'the defaults'}: ok, {len(config.enabled_endpoints)} endpoints")
        return OK
    if flags.once:
        return _once(config)
    return _serve(config, load_config)


def _once(config: Config) -> int:
    # Standard output belongs to the page.
    log.set_up(replace(config.logging, output="stderr"))
    page, failures = once(config)
    sys.stdout.write(page.decode())
    for failure in failures:
        print(failure, file=sys.stderr)
    return FAILED if failures else OK


def _serve(config: Config, load_config: Callable[[], Config]) -> int:
    log.set_up(config.logging)
    app = App(config, load_config)
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: signals.put(number))
    app.start()
    while signals.get() == signal.SIGHUP:
        with contextlib.suppress(ConfigError):  # it was logged, and the old config goes on
            app.reload()
    # From here on a second signal ends the process at once.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    app.stop()
    return OK


@contextlib.contextmanager
def _slurm(flags: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """Give the URLs that replace the config's: none, or the simulated slurmctld's."""
    if not flags.demo:
        yield ()
        return
    with DemoSlurmctld() as slurmctld:
        yield (slurmctld.url,)


# ------------------------------------------------------------------ flags over file


def _config(flags: argparse.Namespace, urls: tuple[str, ...]) -> Config:
    """Load the file, if there is one, and put the flags over it.

    Raises:
        ConfigError: the file or a flag is wrong.
    """
    config = load(flags.config) if flags.config else Config()
    server = _server(flags, config.server)
    logging = replace(
        config.logging,
        level=flags.log_level or config.logging.level,
        format=flags.log_format or config.logging.format,
    )
    slurm = replace(config.slurm, urls=urls) if urls else config.slurm
    return replace(config, server=server, logging=logging, slurm=slurm)


def _server(flags: argparse.Namespace, server: Server) -> Server:
    if flags.listen:
        listen = [_checked("--web.listen-address", parse_address, text) for text in flags.listen]
        server = replace(server, listen=tuple(listen))
    if flags.telemetry_path:
        path = _checked("--web.telemetry-path", check_telemetry_path, flags.telemetry_path)
        server = replace(server, telemetry_path=path)
    if flags.enable_lifecycle:
        server = replace(server, enable_lifecycle=True)
    if flags.web_config:
        basic_auth, tls = load_web_config(flags.web_config)
        server = replace(server, basic_auth=basic_auth, tls=tls)
    return server


def _checked(flag: str, check: Callable[[str], Value], text: str) -> Value:
    try:
        return check(text)
    except ValueError as error:
        raise ConfigError((Problem(flag, None, "", str(error)),)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="slurm_exporter", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument(
        "--config.file", "--config", dest="config", metavar="PATH", help="the YAML config file"
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
    parser.add_argument(
        "--web.listen-address",
        dest="listen",
        action="append",
        metavar="HOST:PORT",
        help="where to listen (repeatable, default :9341)",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config",
        metavar="PATH",
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
    parser.add_argument("--log.level", dest="log_level", choices=LOG_LEVELS)
    parser.add_argument("--log.format", dest="log_format", choices=LOG_FORMATS)
    parser.add_argument(
        "--version",
        action="version",
        version=f"slurm_exporter {__version__} (Python {platform.python_version()})",
    )
    return parser
