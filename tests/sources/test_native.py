"""Which rows each native endpoint may bring."""

from __future__ import annotations

import pytest

from slurm_exporter.config import DEFAULT_ENDPOINTS, LABELS_IN_USE
from slurm_exporter.sources.native import ADMISSIONS, MAY_BE_EMPTY
from tests.fake_slurmctld import NAMES, recorded


def families(name: str) -> list[str]:
    lines = recorded(name).decode().splitlines()
    return [line.split()[2] for line in lines if line.startswith("# TYPE")]


@pytest.mark.parametrize("name", NAMES)
def test_every_family_of_slurm_26_05_is_admitted_by_its_endpoint_alone(name: str) -> None:
    """So one family appears once on the page, whichever endpoints there are."""
    for family in families(name):
        admitting = {other for other in NAMES if ADMISSIONS[other].labels(family) is not None}
        assert admitting == {name}, family


def test_there_are_all_259_families_of_26_05() -> None:
    """The recording is complete."""
    assert len({family for name in NAMES for family in families(name)}) == 259


@pytest.mark.parametrize(
    ("family", "endpoint"),
    [
        ("slurm_exporter_endpoint_up", None),
        ("slurm_jobsomething", "scheduler"),
        ("slurm_new_thing", "scheduler"),
        ("slurm_licenses", None),
        ("slurm_user_fairshare", None),
        ("slurm_nodes_powering_down", "nodes"),
        ("slurm_node", None),
        ("node_load1", None),
        ("up", None),
    ],
)
def test_families_that_are_not_there_today(family: str, endpoint: str | None) -> None:
    """New families of a later Slurm find their endpoint; ours and others' never get in."""
    admitting = {name for name in NAMES if ADMISSIONS[name].labels(family) is not None}

    assert admitting == ({endpoint} if endpoint else set())


def test_every_configurable_endpoint_has_its_admission() -> None:
    """And only users' and accounts' names are chosen by users, and may be absent."""
    assert set(ADMISSIONS) == {endpoint.name for endpoint in DEFAULT_ENDPOINTS}
    assert {name for name, admission in ADMISSIONS.items() if admission.chosen_by_users} == {
        "jobs-users-accts"
    }
    assert set(MAY_BE_EMPTY) <= set(ADMISSIONS)


def test_no_native_label_can_be_a_global_one() -> None:
    """The config refuses every label that a native sample has."""
    labels = {rule.label for admission in ADMISSIONS.values() for rule in admission.rules}

    assert labels - {None} <= set(LABELS_IN_USE)
