"""What is installed is whole: not the source tree beside the tests, but what pip made of it."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
import yaml

from slurm_exporter import __version__
from tests.needs import need
from tests.processes import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
WORKFLOWS = REPOSITORY / ".github" / "workflows"


@pytest.fixture
def distribution() -> metadata.Distribution:
    try:
        return metadata.distribution("slurm_exporter")
    except metadata.PackageNotFoundError:
        need("package", "slurm_exporter is not installed beside its tests")
        raise


def test_the_distribution_has_the_version_and_the_files_that_are_no_code(
    distribution: metadata.Distribution,
) -> None:
    """The status page's template, and the mark that says the package is typed."""
    files = {str(file) for file in distribution.files or ()}

    assert distribution.version == __version__
    assert {"slurm_exporter/web/status.html", "slurm_exporter/py.typed"} <= files


def test_the_installed_command_polls_a_simulated_cluster(
    distribution: metadata.Distribution, tmp_path: Path
) -> None:
    """From a directory where no source tree can help."""
    command = [sys.executable, "-I", "-m", "slurm_exporter", "--demo", "--once"]

    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "\nslurm_jobs_running " in run.stdout
    assert run.stderr == ""


def test_the_python_versions_of_the_metadata_are_those_of_the_readme(
    distribution: metadata.Distribution,
) -> None:
    """3.10 to 3.14."""
    classifiers = distribution.metadata.get_all("Classifier") or []
    versions = [line.rpartition(" ")[2] for line in classifiers if ":: Python :: 3." in line]

    assert versions == PYTHONS


def test_every_python_that_we_support_is_tested_and_in_the_single_file() -> None:
    """By the workflow, by tox, and by what is bundled."""
    matrix = yaml.safe_load((WORKFLOWS / "ci.yml").read_text())["jobs"]["test"]["strategy"]
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini")
    platforms = tox["testenv:pyz"]["platforms"].split()[1::2]
    short = [version.replace(".", "") for version in PYTHONS]

    assert matrix["matrix"]["python"] == PYTHONS
    assert tox["tox"]["labels"].strip() == f"pythons = {', '.join(f'py{one}' for one in short)}"
    assert sorted(platforms) == sorted(
        f"manylinux2014_{machine}-cp-{one}-cp{one}"
        for one in short
        for machine in ("x86_64", "aarch64")
    )


def test_workflows_run_only_what_a_hash_names() -> None:
    """A tag of somebody else's action can be moved."""
    used = [
        use
        for file in WORKFLOWS.glob("*.yml")
        for use in re.findall(r"uses: (\S+)", file.read_text())
        if not use.startswith("./")
    ]

    assert used
    assert [use for use in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", use)] == []
