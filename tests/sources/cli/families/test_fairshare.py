"""The endpoint fairshare."""

from __future__ import annotations

import math

import pytest

from slurm_exporter.sources.cli.commands.sshare import SSHARE
from slurm_exporter.sources.cli.families import fairshare
from tests.sources.cli.recordings import BY_HAND, RELEASES, recorded, records, samples


@pytest.mark.parametrize("release", RELEASES)
def test_families_of_each_release(release: str) -> None:
    """Accounts have no factor of their own in the algorithm that is the default."""
    found = samples(fairshare.families(records(SSHARE, recorded(SSHARE, release, BY_HAND))))

    assert set(found) == {metric.name for metric in fairshare.METRICS}
    assert found["slurm_account_fairshare"] == {}
    assert len(found["slurm_account_fairshare_norm_shares"]) == 6
    assert len(found["slurm_user_fairshare"]) == 12


def test_associations_of_one_user_in_several_partitions_are_kept_apart() -> None:
    """And a number that one of them lacks is absent."""
    text = (
        "10|0.5|100|0.25|0.25||2.0||| bio\n"
        "3|0.2|70|0.2|0.7|0.75|inf|batch|bob|  bio\n"
        "parent|0.3|30|0.1|0.3|0.5||gpu|bob|  bio\n"
    )

    found = samples(fairshare.families(records(SSHARE, text)))

    assert found["slurm_account_fairshare_raw_usage_cpu_seconds"] == {("bio",): 100}
    assert found["slurm_account_fairshare_level"] == {("bio",): 2}
    assert found["slurm_user_fairshare"] == {
        ("bio", "bob", "batch"): 0.75,
        ("bio", "bob", "gpu"): 0.5,
    }
    assert found["slurm_user_fairshare_raw_shares"] == {("bio", "bob", "batch"): 3}
    assert found["slurm_user_fairshare_level"] == {("bio", "bob", "batch"): math.inf}


def test_infinity_is_written_as_prometheus_writes_it() -> None:
    """Who has used nothing yet has infinitely more shares than usage."""
    (share,) = records(SSHARE, "1||0|||||||bio\n")

    families = fairshare.families([share._replace(level=math.inf)])

    assert [("bio", "+Inf")] in [family.rows for family in families]
