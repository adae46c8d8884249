"""What an administrator installs beside the program: units, user, environment, rotation."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from slurm_exporter.flags import parser
from tests.needs import need
from tests.processes import REPOSITORY

ETC = REPOSITORY / "etc"
UNITS = (ETC / "systemd" / "slurm_exporter.service", ETC / "systemd" / "slurm_exporter.socket")
PROGRAM = "/opt/slurm_exporter/bin/slurm_exporter"
MOST_EXPOSED = 15
"""Tenths of what `systemd-analyze security` calls exposure; 100 is a service without any limit."""

FLAGS = {option for action in parser()._actions for option in action.option_strings}


def tool(name: str, package: str) -> str:
    """The path of a program that not every machine has."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    need(package, None if found else f"{name} is not installed here")
    return str(found)


def run(*command: str) -> str:
    """All that a command prints; it must end well."""
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_systemd_has_no_complaint_about_the_units(tmp_path: Path) -> None:
    """Read as if the program were installed, which it is not."""
    analyze = tool("systemd-analyze", "systemd")
    copies = [tmp_path / unit.name for unit in UNITS]
    for unit, copy in zip(UNITS, copies, strict=True):
        copy.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))

    assert run(analyze, "--man=no", "verify", *map(str, copies)) == ""


def test_the_service_is_exposed_to_little() -> None:
    """It cannot do without the network."""
    analyze = tool("systemd-analyze", "systemd")
    command = (analyze, "--no-pager", "security", "--offline=true", f"--threshold={MOST_EXPOSED}")

    said = run(*command, str(UNITS[0]))

    assert float(re.findall(r"Overall exposure level .*: ([\d.]+)", said)[0]) <= MOST_EXPOSED / 10


def test_the_user_of_the_service_is_made_without_a_shell(tmp_path: Path) -> None:
    """In a root directory of its own here."""
    sysusers = tool("systemd-sysusers", "systemd")
    directory = tmp_path / "etc" / "sysusers.d"
    directory.mkdir(parents=True)
    shutil.copy(ETC / "sysusers.d" / "slurm_exporter.conf", directory)
    if os.geteuid() != 0:
        pytest.skip("only root may write a password file, even of his own")

    run(sysusers, f"--root={tmp_path}")

    name, *_, shell = (tmp_path / "etc" / "passwd").read_text().strip().split(":")
    assert (name, shell) == ("slurm_exporter", "/usr/sbin/nologin")
    assert {f"User={name}", f"Group={name}"} <= set(UNITS[0].read_text().splitlines())


@pytest.mark.parametrize("file", [*UNITS, ETC / "default" / "slurm_exporter"], ids=lambda f: f.name)
def test_flags_in_the_files_exist(file: Path) -> None:
    """In comments and examples too."""
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z.-]+[a-z]", file.read_text())) <= FLAGS


def test_the_environment_file_can_be_read_by_a_shell_too() -> None:
    """Commented examples included, which somebody will uncomment."""
    text = (ETC / "default" / "slurm_exporter").read_text()
    settings = re.findall(r"^#?([A-Z_]+=.*)$", text, re.MULTILINE)

    assert settings
    assert all(len(shlex.split(setting)) == 1 for setting in settings)
    assert "$SLURM_EXPORTER_FLAGS" in UNITS[0].read_text()


def test_rotating_the_log_needs_no_signal(tmp_path: Path) -> None:
    """The tool takes the file as it is; that the exporter goes on, another test shows."""
    logrotate = tool("logrotate", "logrotate")
    text = (ETC / "logrotate.d" / "slurm_exporter").read_text()
    copy = tmp_path / "slurm_exporter"
    owner = Path("/proc/self").owner()
    text = text.replace("/var/log/slurm_exporter", str(tmp_path))
    copy.write_text(text.replace("slurm_exporter slurm_exporter", f"{owner} {owner}"))
    copy.chmod(0o644)
    (tmp_path / "exporter.log").write_text("a line\n")

    run(logrotate, "--force", f"--state={tmp_path}/state", str(copy))

    assert (tmp_path / "exporter.log.1").read_text() == "a line\n"
    assert (tmp_path / "exporter.log").read_text() == ""
    assert "postrotate" not in text
