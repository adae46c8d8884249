"""Reading scontrol show assoc_mgr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.errors import EmptyError, ParseError
from slurm_exporter.sources.cli.commands.assoc_mgr import ASSOC_MGR
from slurm_exporter.sources.cli.records import Limit, LimitOwner
from tests.sources.cli.programs import answered
from tests.sources.cli.recordings import BY_HAND, RELEASES, recorded, records

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = (
    "Current Association Manager state\n\nNo associations currently cached in Slurm.\n\n\n"
    "No QOS currently cached in Slurm.\n\n"
)
MEBIBYTE = 1024 * 1024
ALICE = "ClusterName=lab Account=physics UserName=alice(20001) Partition= Priority=0 ID=8 "


@pytest.mark.parametrize("release", RELEASES)
def test_only_owners_of_limits_are_told_of(release: str) -> None:
    """An account, its user, a QoS, and the QoS' account and user."""
    owners = records(ASSOC_MGR, recorded(ASSOC_MGR, release, BY_HAND))

    assert [owner[:2] for owner in owners] == [
        ("association", ("physics", "", "")),
        ("association", ("physics", "alice", "")),
        ("qos", ("limited",)),
        ("qos_account", ("limited", "physics")),
        ("qos_user", ("limited", "alice")),
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_limits_and_their_use(release: str) -> None:
    """Two of Alice's jobs ran and one waited, with 2 CPUs and 500 MiB each."""
    account, alice, qos, qos_account, qos_user = [
        {(one.kind, one.tres): (one.limit, one.used) for one in owner.limits}
        for owner in records(ASSOC_MGR, recorded(ASSOC_MGR, release, BY_HAND))
    ]

    assert len(account) == 9
    assert account["jobs", ""] == (50, 2)
    assert account["accruing_jobs", ""] == (25, 0)
    assert account["submitted_jobs", ""] == (2000, 3)
    assert account["wall_seconds", ""][0] == 6000 * 60
    assert account["tres", "mem"] == (200000 * MEBIBYTE, 1000 * MEBIBYTE)
    assert account["tres", "gres/gpu"] == (4, 0)
    assert account["tres_seconds", "cpu"][0] == 100000 * 60
    assert account["running_tres_seconds", "cpu"][0] == 50000 * 60
    assert alice == {("user_jobs", ""): (20, 2), ("user_submitted_jobs", ""): (100, 3)}
    assert qos == {
        ("jobs", ""): (10, 2),
        ("tres", "cpu"): (40, 4),
        ("tres", "gres/gpu"): (2, 0),
    }
    assert qos_account == {
        ("jobs", ""): (5, 2),
        ("submitted_jobs", ""): (30, 3),
        ("tres", "cpu"): (20, 4),
    }
    assert qos_user == {
        ("jobs", ""): (3, 2),
        ("submitted_jobs", ""): (6, 3),
        ("tres", "cpu"): (8, 4),
        ("tres", "mem"): (4000 * MEBIBYTE, 1000 * MEBIBYTE),
    }


def test_a_limit_of_nothing_is_a_limit() -> None:
    """Not an unlimited one, which is N."""
    text = f"{ALICE}GrpJobs=0(0) GrpSubmitJobs=N(3) GrpWall=N(8.54) MaxJobs= MaxWallPJ=600\n"

    assert records(ASSOC_MGR, text) == (
        LimitOwner("association", ("physics", "alice", ""), (Limit("jobs", "", 0, 0),)),
    )


def test_time_is_seconds() -> None:
    """Slurm prints minutes, with two digits of used ones."""
    (owner,) = records(ASSOC_MGR, f"{ALICE}GrpWall=6000(26.29)\n")

    assert owner.limits == (Limit("wall_seconds", "", 360000, 1577.4),)


def test_limits_of_an_account_for_each_user_are_those_of_its_users() -> None:
    """Slurm copies them there; what it prints as used of the account's is used by all of them."""
    text = "ClusterName=lab Account=physics UserName= Partition= ID=3 MaxJobs=20(7)\n"

    assert records(ASSOC_MGR, text) == ()


@pytest.mark.parametrize("user", ["20001", "alice(20001)"])
def test_users_of_a_qos_have_a_name(user: str) -> None:
    """22.05 prints the id alone, and the name elsewhere."""
    text = f"{ALICE}GrpJobs=N(1)\nQOS=x(3) User Limits= {user}={{MaxJobsPU=3(2)}}\n"
    text = text.replace(" User", " Account Limits=No Accounts User")

    (owner,) = records(ASSOC_MGR, text)

    assert owner == LimitOwner("qos_user", ("x", "alice"), (Limit("jobs", "", 3, 2),))


def test_a_user_whose_name_is_nowhere_keeps_his_id() -> None:
    """As a QoS can be used by somebody who is no longer there."""
    text = "QOS=x(3) Account Limits=No Accounts User Limits= 7={MaxJobsPU=3(2)}\n"

    assert records(ASSOC_MGR, text)[0].name == ("x", "7")


def test_several_members_of_a_qos_are_told_apart() -> None:
    """Names may have blanks, equal signs and braces."""
    text = (
        "QOS=x y Account Limits= a b={MaxJobsPA=1(0) MaxTRESPA=cpu=4(1),mem=N(0)} "
        "c=d={MaxJobsPA=2(1)} e {f}(5)={MaxJobsPA=3(2)} User Limits=No Users\n"
    )

    assert records(ASSOC_MGR, text) == (
        LimitOwner(
            "qos_account", ("x y", "a b"), (Limit("jobs", "", 1, 0), Limit("tres", "cpu", 4, 1))
        ),
        LimitOwner("qos_account", ("x y", "c=d"), (Limit("jobs", "", 2, 1),)),
        LimitOwner("qos_account", ("x y", "e {f}(5)"), (Limit("jobs", "", 3, 2),)),
    )


@pytest.mark.parametrize("piece", ["word ", "a={", "}", "={Max", "={}", "1(", "1=1(", ","])
def test_odd_text_is_read_as_quickly_as_any(piece: str) -> None:
    """Twice as much takes twice as long, not four times."""
    began = time.monotonic()
    for beginning in ("QOS=x Account Limits= ", f"{ALICE}GrpTRES="):
        ASSOC_MGR.parse(f"{beginning}{piece * 20_000}\n", "")

    assert time.monotonic() - began < 3


def test_lines_that_cannot_be_read_are_counted() -> None:
    """One has no user; what is no record is passed over."""
    text = f"QOS Records\n{ALICE}GrpJobs=1(0)\nClusterName=lab Account=x\n"

    table = ASSOC_MGR.read(text, "")

    assert (len(table.records), table.malformed) == (1, 1)


def test_a_cluster_that_sets_no_limits_has_none() -> None:
    """Which is something else than an output without any line of an owner."""
    table = ASSOC_MGR.read(f"{ALICE}GrpJobs=N(3)\nClusterName=lab Account=x\n", "")
    assert (table.records, table.malformed) == ((), 1)

    with pytest.raises(ParseError, match="printed nothing that can be read"):
        ASSOC_MGR.read("Current Association Manager state\n", "")


def test_a_cluster_without_accounting_has_no_limits(tmp_path: Path) -> None:
    """scontrol ends well, which must not look like a cluster that sets none."""
    with pytest.raises(EmptyError) as raised:
        answered(ASSOC_MGR, tmp_path, NOTHING)

    assert str(raised.value) == (
        "slurmctld knows no associations: a cluster without slurmdbd has no limits"
    )


@given(st.text(alphabet=st.sampled_from("QOS=GrpJobsTRE 1(2),N{}\n."), max_size=80))
def test_any_text_is_read(text: str) -> None:
    """What cannot be read costs its row."""
    ASSOC_MGR.parse(f"QOS={text}", "")
