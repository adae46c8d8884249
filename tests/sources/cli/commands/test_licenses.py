"""Reading scontrol show licenses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources.cli.commands.licenses import LICENSES
from slurm_exporter.sources.cli.records import License
from tests.sources.cli.programs import answered
from tests.sources.cli.recordings import BY_HAND, RELEASES, recorded, records

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("release", RELEASES)
def test_licenses_of_each_release(release: str) -> None:
    """22.05 does not say when it was told of a remote license."""
    ansys, comsol, matlab = records(LICENSES, recorded(LICENSES, release, BY_HAND))

    assert ansys == License("ansys", 4, 2, 2, 0, None, None, None)
    assert matlab == License("matlab", 10, 0, 10, 3, None, None, None)
    assert comsol[:5] == ("comsol@flexlm", 10, 0, 10, 0)
    assert comsol[5:7] == ((None, None) if release == "22.05.8" else (4, 0))
    assert (comsol.updated is None) == (release == "22.05.8")


def test_a_cluster_without_licenses_is_healthy(tmp_path: Path) -> None:
    """It says so in words."""
    assert answered(LICENSES, tmp_path, "No licenses configured in Slurm.\n") == ()


def test_lines_that_cannot_be_read_are_counted() -> None:
    """One lacks a number, one has a word for one, one is none."""
    text = (
        "LicenseName=a Total=4 Used=0 Free=4\n"
        "LicenseName=b Total=4 Used=many Free=4 Reserved=0 Remote=no\n"
        "LicenseName=c Total=4 Used=0 Free=4 Reserved=0 Remote=no\n"
        "what\n"
    )

    table = LICENSES.read(text, "")

    assert table.malformed == 3
    assert [one.name for one in table.records] == ["c"]
