"""Nodes from scontrol."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.sources.cli.commands.node import NODE
from slurm_exporter.sources.cli.records import Node
from tests.sources.cli.recordings import BY_HAND, MARK, RELEASES, recorded, records

GIB = 2**30
MIB = 2**20

PLAIN = """\
NodeName=n1 Arch=x86_64 CoresPerSocket=1
   CPUAlloc=3 CPUEfctv=7 CPUTot=8 CPULoad=1.25
   AvailableFeatures=cpu
   ActiveFeatures=cpu
   Gres=gpu:a100:4(S:0-1)
   GresDrain=N/A
   GresUsed=gpu:a100:2(IDX:0,3)
   NodeAddr=127.0.0.1 NodeHostName=n1 Version=26.05.5
   OS=Linux 6.1.0 #1 SMP
   RealMemory=16384 AllocMem=1024 FreeMem=8192 Sockets=8 Boards=1
   MemSpecLimit=2048
   State=MIXED+DRAIN ThreadsPerCore=1 TmpDisk=0 Weight=10 Owner=N/A MCS_label=N/A
   Partitions=batch,long
   CurrentWatts=0 AveWatts=0
"""


def read(text: str) -> Node:
    (node,) = records(NODE, text)
    return node


def changed(old: str, new: str) -> Node:
    """The plain node with another line."""
    assert old in PLAIN
    return read(PLAIN.replace(old, new) + "\n")


def with_text(*lines: str) -> Node:
    """The plain node with lines behind it, as administrators' text stands there."""
    return read(PLAIN + "".join(f"   {line}\n" for line in lines) + "\n")


def test_a_node_is_read() -> None:
    """Sizes become bytes."""
    assert with_text("Reason=bad disk [root@1795240818]") == Node(
        name="n1",
        state="MIXED",
        flags=frozenset({"DRAIN"}),
        partitions=("batch", "long"),
        cpus=8,
        cpus_effective=7,
        cpus_alloc=3,
        load=1.25,
        memory=16 * GIB,
        memory_effective=14 * GIB,
        memory_alloc=GIB,
        memory_free=8 * GIB,
        gpus={"a100": 4},
        gpus_alloc={"a100": 2},
        reason="bad disk",
        reason_user="root",
        reason_since=1795240818,
    )


@pytest.mark.parametrize("release", RELEASES)
def test_nodes_of_a_release_are_read_whatever_administrators_wrote(release: str) -> None:
    """Reasons and comments hold whole nodes, pipes, quotes, and words like Slurm's own.

    The malformed row is a node that a comment repeats.
    """
    table = NODE.read(recorded(NODE, release, BY_HAND), MARK)
    nodes = {node.name: node for node in table.records}

    assert list(nodes)[:4] == ["g0001", "g0002", "g0003", "g0004"]
    assert sorted(nodes)[4:] == [f"n{number:04}" for number in range(1, 13)]
    assert table.malformed == 1
    assert all(node.memory == 16000 * MIB and node.cpus == 8 for node in nodes.values())
    assert nodes["n0004"].reason == 'disk | sda = "bad" State=DOWN Partitions=evil CPUTot=99'
    assert nodes["n0005"].reason.startswith("first line NodeName=evil CPUTot=7 State=IDLE Thr")
    assert nodes["g0002"].reason == 'größer als 10 % | "Lüfter" \\ ['
    assert nodes["n0007"].reason == "ends like one [bob@noon]"
    assert {nodes[name].reason_user for name in ("n0004", "n0005", "n0007", "n0010")} == {"root"}
    assert {node.partitions for node in nodes.values()} == {
        ("gpu", "all-nodes"),
        ("batch", "long", "all-nodes", "hidden"),
        ("batch", "long", "debug", "all-nodes", "hidden"),
    }


@pytest.mark.parametrize("release", RELEASES)
def test_states_of_a_release_are_read(release: str) -> None:
    """MIXED is there in all of them, although slurmctld does not know it.

    Nodes that wait for a planned job are others each time.
    """
    states = {
        node.name: (node.state, set(node.flags - {"PLANNED"}))
        for node in records(NODE, recorded(NODE, release))
    }

    assert states == {
        "cloud1": ("ALLOCATED", {"CLOUD", "NOT_RESPONDING", "POWERING_UP"}),
        "cloud2": ("IDLE", {"CLOUD", "POWERED_DOWN"}),
        "g1": ("MIXED", set()),
        "g2": ("MIXED", set()),
        "later1": ("FUTURE", set()),
        "n1": ("MIXED", {"DRAIN"}),
        "n2": ("MIXED", {"DRAIN", "REBOOT_REQUESTED"}),
        "n3": ("IDLE", {"POWERING_DOWN"}),
        "n4": ("IDLE", {"DRAIN"}),
        "old1": ("DOWN", {"NOT_RESPONDING"}),
        "old2": ("UNKNOWN", {"MAINTENANCE", "NOT_RESPONDING", "RESERVED"}),
        "r1": ("MIXED", set()),
        "r2": ("IDLE", {"DRAIN"}),
        "r3": ("IDLE", {"POWERING_DOWN"}),
        "r4": ("DOWN", {"REBOOT_ISSUED"}),
        "spare1": ("UNKNOWN", {"FAIL", "NOT_RESPONDING"}),
        "spare2": ("DOWN", {"NOT_RESPONDING"}),
        "spare3": ("UNKNOWN", {"DRAIN", "NOT_RESPONDING"}),
        "spare4": ("UNKNOWN", {"NOT_RESPONDING", "RESERVED"}),
        "spare5": ("UNKNOWN", {"NOT_RESPONDING"}),
        "spare6": ("UNKNOWN", {"NOT_RESPONDING"}),
    }


@pytest.mark.parametrize("release", RELEASES)
def test_reasons_of_a_release_are_read(release: str) -> None:
    """scontrol keeps a quote at the end for itself when it is told one."""
    reasons = {node.name: node.reason for node in records(NODE, recorded(NODE, release))}

    assert {name: reason for name, reason in reasons.items() if reason} == {
        "n1": "kernel update, when empty",
        "n2": "kernel",
        "n4": 'bad | disk "sda',
        "old1": "motherboard",
        "r2": "a\tb Reason=c",
        "r4": "kernel : reboot issued",
        "spare1": "fan ünï-µ",
        "spare2": "two lines, then = and [1-2]",
        "spare3": "x" * 200,
    }


@pytest.mark.parametrize("release", RELEASES)
def test_gpus_of_a_release_are_read(release: str) -> None:
    """Of the second node one is taken."""
    nodes = {node.name: node for node in records(NODE, recorded(NODE, release))}

    assert {name for name, node in nodes.items() if node.gpus} == {"g1", "g2"}
    assert nodes["g1"].gpus == nodes["g1"].gpus_alloc == {"a100": 4, "h100": 2}
    assert nodes["g2"].gpus == {"a100": 4, "h100": 2}
    assert sum((nodes["g2"].gpus_alloc or {}).values()) == 1


@pytest.mark.parametrize("release", RELEASES)
def test_gpus_are_known_where_slurm_does_not_account_for_them(release: str) -> None:
    """All recordings by hand are of clusters without accounting."""
    table = NODE.read(recorded(NODE, release, BY_HAND), MARK)
    gpus = {node.name: node.gpus for node in table.records if node.gpus}

    assert gpus == {f"g000{number}": {"a100": 4, "h100": 2} for number in range(1, 5)}
    assert all(node.gpus_alloc is not None for node in table.records)


def test_a_node_that_never_answered_has_no_load() -> None:
    """24.11 and later print 0.00 for it, 22.05 prints N/A."""
    unknown = changed("FreeMem=8192", "FreeMem=N/A")

    assert (unknown.load, unknown.memory_free) == (None, None)
    assert changed("CPULoad=1.25", "CPULoad=N/A").load is None


def test_effective_cpus_are_all_where_slurm_does_not_say() -> None:
    """As before 22.05."""
    assert changed(" CPUEfctv=7", "").cpus_effective == 8


def test_used_gpus_are_unknown_where_slurm_does_not_say() -> None:
    assert changed("   GresUsed=gpu:a100:2(IDX:0,3)\n", "").gpus_alloc is None


def test_a_node_without_gpus_has_none_in_use() -> None:
    """24.11 and later have no line for it then."""
    text = PLAIN.replace("   GresUsed=gpu:a100:2(IDX:0,3)\n", "").replace(
        "Gres=gpu:a100:4(S:0-1)", "Gres=(null)"
    )

    assert read(text + "\n").gpus_alloc == {}


def test_a_node_need_not_be_in_a_partition() -> None:
    assert changed("   Partitions=batch,long\n", "").partitions == ()


@pytest.mark.parametrize(
    ("text", "state", "flags"),
    [
        ("IDLE", "IDLE", set()),
        ("DOWN+DRAIN+REBOOT_ISSUED", "DOWN", {"DRAIN", "REBOOT_ISSUED"}),
        ("SOMETHING_NEW+?", "SOMETHING_NEW", {"?"}),
        ("IDLE*+DRAIN", "IDLE", {"NOT_RESPONDING", "DRAIN"}),
        ("MIXED#+CLOUD", "MIXED", {"POWERING_UP", "CLOUD"}),
        ("IDLE~+CLOUD+POWER", "IDLE", {"POWERED_DOWN", "CLOUD"}),
        ("MAINT*", "IDLE", {"MAINTENANCE", "NOT_RESPONDING"}),
        ("RESERVED", "IDLE", {"RESERVED"}),
        ("ALLOCATED@", "ALLOCATED", {"REBOOT_REQUESTED"}),
        ("*", "", {"NOT_RESPONDING"}),
    ],
)
def test_states_are_a_base_and_flags(text: str, state: str, flags: set[str]) -> None:
    """20.11 has signs behind the base state, and shows some flags in its place."""
    node = changed("State=MIXED+DRAIN", f"State={text}")

    assert (node.state, set(node.flags)) == (state, flags)


def test_a_reason_that_nobody_signed_is_only_a_text() -> None:
    assert with_text("Reason=fan 3 failed")[-3:] == ("fan 3 failed", "", None)
    assert with_text("Reason=see [bob@noon]")[-3:] == ("see [bob@noon]", "", None)


def test_times_of_reasons_may_be_local() -> None:
    """As where a wrapper takes our environment away from scontrol."""
    node = with_text("Reason=fan [root@2026-11-21T06:00:18]")

    assert node.reason_since == datetime(2026, 11, 21, 6, 0, 18).timestamp()  # noqa: DTZ001


def test_further_lines_belong_to_a_reason_as_far_as_they_are_indented() -> None:
    node = with_text(
        "Reason=one [root@1795240818]", "       two", "          three", "Comment=four", "Extra=5"
    )

    assert node.reason == "one two three"


@pytest.mark.parametrize("key", ["Comment", "Extra"])
def test_comments_are_not_believed(key: str) -> None:
    node = with_text(f"{key}=x", "State=DOWN CPUTot=99", "Reason=forged [root@1795240818]")

    assert (node.state, node.cpus, node.reason) == ("MIXED", 8, "")


def test_a_node_that_cannot_be_read_costs_itself() -> None:
    """And so does one that is there twice."""
    text = f"{PLAIN}\nNodeName=n2 CPUTot=4\n\n{PLAIN}\n"
    table = NODE.read(text, MARK)

    assert [node.name for node in table.records] == ["n1"]
    assert table.malformed == 2


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_reason_changes_the_node(text: str) -> None:
    """scontrol leaves out its empty lines and indents all but the first."""
    first, *others = [line for line in text.split("\n") if line] or [""]
    lines = [f"Reason={first} [root@1795240818]", *("       " + line for line in others)]
    node = with_text(*lines)

    assert node[:-3] == with_text()[:-3]
    assert (node.reason_user, node.reason_since) == ("root", 1795240818)
    assert node.reason.startswith(first)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_is_too_odd(text: str) -> None:
    """Reading never raises."""
    NODE.parse(text, MARK)
    NODE.read(f"NodeName={text}\n\n{PLAIN}\n{text}\n\n", MARK)


def test_all_nodes_are_asked_for() -> None:
    """Hidden ones, too, and those that do not exist yet; but none of other clusters."""
    assert NODE.arguments == ("--all", "--details", "--future", "--local", "show", "node")
