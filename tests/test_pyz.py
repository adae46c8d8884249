"""The single-file build as its users run it: copied somewhere, with nothing around it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from slurm_exporter import __version__
from tests.needs import need
from tests.processes import until
from tests.slurm.tree import ENDS_WITH_US, MIRROR_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILT = "SLURM_EXPORTER_TESTS_PYZ"
"""Environment variable: the file to test.  `tox -e pyz` builds it and sets this."""

SUITE = "trixie"
"""A Debian that is newer than the oldest one that we support, with a newer Python."""


@pytest.fixture
def pyz(tmp_path: Path) -> Path:
    """The file, copied to where nothing else is."""
    built = os.environ.get(BUILT)
    need("pyz", None if built else f"{BUILT} names no file; `tox -e pyz` makes one")
    directory = tmp_path / "copied"
    directory.mkdir(mode=0o755)
    return Path(shutil.copy(str(built), directory))


def run(command: Sequence[object], *environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with no environment but this."""
    return subprocess.run(
        ["/usr/bin/env", "-i", *environment, *map(str, command)],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def demonstrates(result: subprocess.CompletedProcess[str]) -> bool:
    """Whether a page of the simulated cluster was printed."""
    return result.returncode == 0 and "\nslurm_jobs_running " in result.stdout


def interpreter(version: str) -> str:
    """The first one on the path that runs: version managers put names there that do nothing."""
    for directory in os.get_exec_path():
        found = shutil.which(f"python{version}", path=directory)
        if found and run([found, "-c", ""]).returncode == 0:
            return found
    pytest.skip(f"python{version} is not installed here")


def test_the_machines_own_python_runs_it_with_an_empty_environment(
    pyz: Path, tmp_path: Path
) -> None:
    """It writes nowhere but where it was told to unpack, and says nothing of it."""
    cache = tmp_path / "cache"

    result = run(["/usr/bin/python3", pyz, "--demo", "--once"], f"PEX_ROOT={cache}")

    assert demonstrates(result), result.stderr
    assert result.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "copied"]
    assert [path.name for path in pyz.parent.iterdir()] == [pyz.name]


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_every_python_that_we_support_runs_it(version: str, pyz: Path, tmp_path: Path) -> None:
    """The compiled modules of each are inside."""
    python = interpreter(version)

    result = run([python, pyz, "--version"], f"PEX_ROOT={tmp_path}/cache")

    assert result.stdout.startswith(f"slurm_exporter {__version__} (Python {version}."), result
    assert demonstrates(run([python, pyz, "--demo", "--once"], f"PEX_ROOT={tmp_path}/cache"))


def test_it_unpacks_into_the_users_cache(pyz: Path, tmp_path: Path) -> None:
    """As the operations guide says."""
    assert demonstrates(run(["/usr/bin/python3", pyz, "--demo", "--once"], f"HOME={tmp_path}"))
    assert (tmp_path / ".cache" / "pex").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without a home")
def test_a_home_that_cannot_be_written_is_told_and_leaves_nothing_behind(
    pyz: Path, tmp_path: Path
) -> None:
    """As users of services have it."""
    for directory in pyz.parents:
        if directory.stat().st_uid == 0 and directory.is_relative_to(tmp_path.parents[1]):
            directory.chmod(0o755)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    temporary.chmod(0o1777)
    as_nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    command = [*as_nobody, "/usr/bin/python3", pyz, "--demo", "--once"]
    result = run(command, "HOME=/nonexistent", f"TMPDIR={temporary}")

    assert demonstrates(result), result.stderr
    assert "un-writeable, falling back to a temporary PEX_ROOT" in result.stderr
    assert list(temporary.iterdir()) == []


def test_it_serves_and_ends_as_any_other(pyz: Path, tmp_path: Path) -> None:
    """One process, which hears the signals that systemd sends."""
    socket = tmp_path / "x.sock"
    flags = ["--demo", f"--web.listen-address=unix://{socket}"]
    process = subprocess.Popen(
        ["/usr/bin/python3", str(pyz), *flags],
        env={"PEX_ROOT": f"{tmp_path}/cache"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        until(socket.exists, "the socket", 60.0)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
    assert process.returncode == 0, log
    assert "event=exporter.stopped" in log


def test_a_newer_debian_runs_it(pyz: Path, tmp_path: Path) -> None:
    """In a root tree that has nothing but the suite's own Python."""
    tool = shutil.which("mmdebstrap")
    need("mmdebstrap", None if tool else "mmdebstrap is not installed here")
    if os.geteuid() != 0:
        pytest.skip("only root can build and enter a root tree")
    root = tmp_path / "root"
    mirror = os.environ.get(MIRROR_VARIABLE)
    frozen = '--aptopt=Acquire::Check-Valid-Until "false"'
    recipe = ["--mode=root", "--variant=minbase", "--include=python3", frozen, SUITE, str(root)]
    subprocess.run(
        [*ENDS_WITH_US, "mmdebstrap", *recipe, *([mirror] if mirror else [])],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    shutil.copy(pyz, root / "opt")

    command = ["/usr/sbin/chroot", root, "/usr/bin/python3", f"/opt/{pyz.name}"]
    result = run([*command, "--demo", "--once"])

    assert demonstrates(result), result.stderr
