"""The command: what it runs, signals, exit codes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from slurm_exporter import log
from slurm_exporter.app import App, once
from slurm_exporter.demo import DemoSlurmctld
from slurm_exporter.errors import ConfigError, ListenError
from slurm_exporter.flags import configured, parser
from slurm_exporter.signals import HANDLED, Inbox, hear, leave_to_main_thread
from slurm_exporter.systemd import Notifier

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from slurm_exporter.config import Config

OK, FAILED, USAGE = 0, 1, 2

_ENDING = (signal.SIGTERM, signal.SIGINT)

_DIED = 0
"""Stands among the signals for a web server that ended; better be restarted than run without."""

_EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104


def entry() -> NoReturn:
    """Run the command and exit with its code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Returns:
        0 when all went well, 1 when it failed, 2 when flags or config are wrong.
    """
    flags = parser().parse_args(arguments)
    try:
        with _slurm(flags) as urls:
            return _run(flags, lambda: configured(flags, urls))
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
        for note in config.server.notes:
            print(note)
        count = len(config.enabled_endpoints)
        print(f"{config.file or 'the defaults'}: ok, {count} endpoint{'s' if count > 1 else ''}")
        return OK
    if flags.once:
        return _once(config)
    return _serve(config, load_config, demo=flags.demo)


def _once(config: Config) -> int:
    # Standard output belongs to the page.
    log.set_up(replace(config.logging, output="stderr"))
    page, views = once(config)
    printed = _print(page)
    failures = [
        f"{view.endpoint.name}: {failure.reason}: {failure.message}"
        for view in views
        if (failure := view.health.failure)
    ]
    for sentence in failures:
        print(sentence, file=sys.stderr)
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
