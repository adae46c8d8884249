"""What this machine must have for a real cluster, and what it must give: ports and patience."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.slurm import tree

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACES = ("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child")
TOOLS = ("unshare", "nsenter", "setpriv", "mount", "bash")

T = TypeVar("T")


class ClusterError(Exception):
    """Slurm or the machine under it did not do what was asked; the message says what it printed."""


def why_not() -> str | None:
    """Return why no cluster can be booted on this machine, or None if one can."""
    if sys.platform != "linux":
        return "real Slurm needs Linux"
    if os.geteuid() != 0:
        return "real Slurm needs root, for its mounts and namespaces"
    needed = TOOLS if tree.all_there() else (*TOOLS, "mmdebstrap")
    if missing := [tool for tool in needed if not shutil.which(tool)]:
        return f"real Slurm needs {', '.join(missing)}, not installed here"
    return _why_no_overlay()


def _why_no_overlay() -> str | None:
    script = (
        'mount -t tmpfs tmpfs . && cd "$PWD" && mkdir l u w m'
        " && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m"
    )
    with tempfile.TemporaryDirectory() as scratch:
        tried = subprocess.run(
            [*NAMESPACES, "bash", "-c", script],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
    if tried.returncode:
        return f"real Slurm needs an overlayfs in namespaces of its own: {tried.stderr.strip()}"
    return None


def eventually(check: Callable[[], T | None], what: object, *, within: float = 60.0) -> T:
    """Call ``check`` until it returns something true, and return that.

    Raises:
        ClusterError: when it has not after ``within`` seconds; ``what`` says what was awaited.
    """
    deadline = time.monotonic() + within
    while not (result := check()):
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {within:g} s in vain for {what}")
        time.sleep(0.1)
    return result


def free_ports(count: int) -> range:
    """Return a block of free ports below those that the kernel gives to outgoing connections.

    One of those could be taken, while slurmctld is down, by the very client that polls it.
    """
    ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    end = int(ephemeral.split()[0])
    for _ in range(1000):
        start = random.randrange(end // 2, end - count)
        if all(_is_free(port) for port in range(start, start + count)):
            return range(start, start + count)
    raise ClusterError(f"no {count} free ports in a row below {end}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False
