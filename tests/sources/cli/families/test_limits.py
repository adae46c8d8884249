"""The endpoint limits."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.commands.assoc_mgr import ASSOC_MGR
from slurm_exporter.sources.cli.families import limits
from slurm_exporter.sources.cli.records import Limit, LimitOwner, Settings
from tests.sources.cli.recordings import BY_HAND, RELEASES, recorded, records, samples

ENFORCED = [Settings(frozenset({"associations", "limits"}))]
LAX = [Settings(frozenset({"associations"}))]

OWNERS = (
    LimitOwner("association", ("bio", "", ""), (Limit("jobs", "", 50, 3),)),
    LimitOwner("association", ("bio", "bob", "gpu"), (Limit("jobs", "", 5, 2),)),
    LimitOwner("qos_user", ("long", "bob"), (Limit("tres", "cpu", 8, 4),)),
)


def test_each_limit_stands_beside_its_use() -> None:
    """With the same labels, so that one can be divided by the other."""
    assert samples(limits.families(OWNERS, ENFORCED)) == {
        "slurm_association_jobs_limit": {("bio", "", ""): 50, ("bio", "bob", "gpu"): 5},
        "slurm_association_jobs_usage": {("bio", "", ""): 3, ("bio", "bob", "gpu"): 2},
        "slurm_qos_user_tres_limit": {("long", "bob", "cpu"): 8},
        "slurm_qos_user_tres_usage": {("long", "bob", "cpu"): 4},
    }


def test_use_that_slurm_does_not_count_is_absent() -> None:
    """It prints 0 for the use of limits that it does not enforce."""
    assert set(samples(limits.families(OWNERS, LAX))) == {
        "slurm_association_jobs_limit",
        "slurm_qos_user_tres_limit",
    }


@pytest.mark.parametrize("release", RELEASES)
def test_all_limits_of_each_release_have_a_family(release: str) -> None:
    """None is lost on the way."""
    owners = records(ASSOC_MGR, recorded(ASSOC_MGR, release, BY_HAND))
    families = list(limits.families(owners, ENFORCED))
    rows = [row for family in families for row in family.rows]

    assert len(rows) == 2 * sum(len(owner.limits) for owner in owners) == 42
    assert {family.name for family in families} <= {metric.name for metric in limits.METRICS}


def test_labels_are_as_many_as_values() -> None:
    """A resource is a label of its own."""
    for family in limits.families(OWNERS, ENFORCED):
        assert {len(row) for row in family.rows} == {len(family.labels) + 1}
