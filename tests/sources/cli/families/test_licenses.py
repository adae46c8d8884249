"""The endpoint licenses."""

from __future__ import annotations

from slurm_exporter.sources.cli.families import licenses
from slurm_exporter.sources.cli.records import License
from tests.sources.cli.recordings import samples


def test_what_is_known_of_remote_licenses_alone_is_absent_for_the_others() -> None:
    """Not 0."""
    found = samples(
        licenses.families(
            [
                License("ansys", 4, 1, 2, 1, None, None, None),
                License("comsol@flexlm", 10, 0, 9, 0, 4, 1, 1795241380),
            ]
        )
    )

    assert found == {
        "slurm_licenses": {("ansys",): 4, ("comsol@flexlm",): 10},
        "slurm_licenses_used": {("ansys",): 1, ("comsol@flexlm",): 0},
        "slurm_licenses_free": {("ansys",): 2, ("comsol@flexlm",): 9},
        "slurm_licenses_reserved": {("ansys",): 1, ("comsol@flexlm",): 0},
        "slurm_licenses_last_consumed": {("comsol@flexlm",): 4},
        "slurm_licenses_last_deficit": {("comsol@flexlm",): 1},
        "slurm_licenses_last_update_timestamp_seconds": {("comsol@flexlm",): 1795241380},
    }
    assert set(found) == {metric.name for metric in licenses.METRICS}


def test_parts_of_one_license_are_summed() -> None:
    """Slurm 25.05 and later have licenses of their own for racks, all of one name."""
    part = License("power", 100, 30, 70, 0, None, None, None)

    found = samples(licenses.families([part, part._replace(used=10, free=90)]))

    assert found["slurm_licenses"] == {("power",): 200}
    assert found["slurm_licenses_free"] == {("power",): 160}
