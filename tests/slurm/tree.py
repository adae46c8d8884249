"""Debian root trees with Slurm in them, one for each release, built once and kept in the cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (
    *("slurmctld", "slurmd", "slurm-client", "slurmdbd", "slurm-wlm-jwt-plugin", "munge"),
    "mariadb-server-core",  # the daemon alone, without what runs it as a service
)
RECIPE = (
    "--mode=root",
    "--variant=essential",
    f"--include={','.join(PACKAGES)}",
    # A mirror that is frozen at some date serves a throwaway tree as well as a living one.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
)
ENDS_WITH_US = (
    *("setpriv", "--pdeathsig=KILL"),
    *("unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"),
)
"""Prefix of a command: when we are killed, it is too, with all its children and mounts."""

MIRROR_VARIABLE = "SLURM_EXPORTER_TESTS_MIRROR"
"""Environment variable: where to fetch the packages from instead of the suite's default mirror."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Slurm, and the Debian suite that has it."""

    slurm: str
    suite: str

    def __str__(self) -> str:
        return self.slurm


NEWEST = Release("26.05", "forky")
MIDDLE = Release("24.11", "trixie")
OLDEST = Release("22.05", "bookworm")
RELEASES = (NEWEST, MIDDLE, OLDEST)
"""The newest, which has metrics of its own, and two that have none."""


class TreeError(Exception):
    """The tree could not be built; the message ends with what mmdebstrap said last."""


def place(release: Release = NEWEST) -> Path:
    """Return where a tree is kept: a directory with ``root/`` and the empty ``mnt/``."""
    digest = hashlib.sha256("\0".join(RECIPE).encode()).hexdigest()[:12]
    return _cache() / f"{release.suite}-{digest}"


def all_there() -> bool:
    """Whether no tree has to be built."""
    return all(place(release).is_dir() for release in RELEASES)


def ensure(release: Release = NEWEST) -> Path:
    """Return ``place(release)``, building it first if need be (half a minute, 180 MB).

    Safe when several runs race: one builds, the others wait for it.  A build that is
    interrupted leaves nothing that a later run would take for a tree.

    Raises:
        TreeError: when mmdebstrap fails.
    """
    with _locked():
        if not place(release).is_dir():
            _build(release)
    return place(release)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "slurm_exporter-tests"


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    _cache().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (_cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(release: Release) -> None:
    """Build beside the final place, then rename.  The caller holds the lock."""
    for leftover in _cache().glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=_cache()))
    try:
        with tempfile.TemporaryDirectory(dir=new) as scratch:
            _mmdebstrap(release.suite, new / "root", scratch)
        (new / "mnt").mkdir()
        new.rename(place(release))
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _mmdebstrap(suite: str, root: Path, scratch: str) -> None:
    # With a suite named, mmdebstrap does not look at the host's own package sources.
    mirror = os.environ.get(MIRROR_VARIABLE)
    command = ("mmdebstrap", *RECIPE, suite, str(root), *([mirror] if mirror else []))
    result = subprocess.run(
        [*ENDS_WITH_US, *command],
        env={**os.environ, "TMPDIR": scratch},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-8:])
        raise TreeError(f"mmdebstrap could not build a {suite} root tree:\n{tail}")
