"""What we tell systemd, and the sockets that it passes to us.

All of it follows environment variables that systemd sets; without them nothing happens.
Source: sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

from slurm_exporter.errors import ListenError

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORT_INTERVAL = 5.0
"""Seconds between two looks at how we are, unless the watchdog wants them sooner."""

_FIRST_DESCRIPTOR = 3
"""Descriptors that systemd passes follow standard input, output and error."""


class Notifier:
    """Tells systemd when the service is ready, reloads and stops, and how it is meanwhile."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Find out whom to tell; nobody, if systemd did not ask for it.

        Args:
            environment: has ``NOTIFY_SOCKET``, and for the watchdog ``WATCHDOG_USEC`` and
                ``WATCHDOG_PID``.
        """
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._interval = _interval(environment)
        self._status = ""

    @property
    def interval(self) -> float | None:
        """Seconds after which ``report`` is due again; None when nobody wants to hear it."""
        return self._interval if self._address else None

    def ready(self) -> None:
        """Say that we are started, or that a reload is over."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that a reload begins."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the end begins."""
        self._send("STOPPING=1", "STATUS=stopping")

    def report(self, status: str, *, well: bool) -> None:
        """Say in a line how we are, when it has changed, and feed the watchdog while all is well.

        Args:
            status: what ``systemctl status`` shows.
            well: False lets the watchdog go hungry; systemd then starts us anew.
        """
        news = [f"STATUS={status}"] if status != self._status else []
        self._status = status
        self._send(*news, *(["WATCHDOG=1"] if well else []))

    def _send(self, *lines: str) -> None:
        if not self._address or not lines:
            return
        # Whoever should hear it may be gone; our work goes on.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto("\n".join(lines).encode(), self._address)


def _address(name: str) -> str:
    """Return a socket's address as Python has it; empty for what is none that we can reach."""
    if name.startswith("@"):  # an abstract socket
        return f"\0{name[1:]}"
    return name if name.startswith("/") else ""


def _interval(environment: Mapping[str, str]) -> float:
    """Half the watchdog's patience, as sd_watchdog_enabled(3) advises, or sooner."""
    patience = environment.get("WATCHDOG_USEC", "")
    ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    if not ours or not patience.isdecimal() or not int(patience):
        return REPORT_INTERVAL
    return min(int(patience) / 1e6 / 2, REPORT_INTERVAL)


def sockets(environment: Mapping[str, str] = os.environ) -> list[socket.socket]:
    """Return the sockets that systemd listens on in our place, from the ``.socket`` unit.

    Args:
        environment: has ``LISTEN_FDS`` and ``LISTEN_PID``.

    Raises:
        ListenError: there is none, or one of them does not listen.
    """
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal() or count == "0":
        raise ListenError(
            "systemd passed no socket; start slurm_exporter through its .socket unit,"
            " or leave --web.systemd-socket out"
        )
    return [_passed(_FIRST_DESCRIPTOR + index) for index in range(int(count))]


def _passed(descriptor: int) -> socket.socket:
    with contextlib.suppress(OSError):
        os.set_inheritable(descriptor, False)  # commands that we run have no business with it
        passed = socket.socket(fileno=descriptor)
        if passed.type == socket.SOCK_STREAM and _listens(passed):
            return passed
        passed.close()
    raise ListenError(
        f"systemd passed the descriptor {descriptor}, which does not listen for connections;"
        " the .socket unit needs ListenStream= and Accept=no"
    )


def _listens(passed: socket.socket) -> bool:
    return bool(passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
