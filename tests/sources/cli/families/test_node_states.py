"""The endpoint node-states."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.families import node_states
from tests.sources.cli.examples import NODE
from tests.sources.cli.recordings import samples

DRAINED = NODE._replace(
    flags=frozenset({"DRAIN", "NOT_RESPONDING"}),
    reason="bad disk",
    reason_user="root",
    reason_since=1795240818,
)


def test_a_node_has_one_state_and_the_flags_that_are_set() -> None:
    found = samples(node_states.families([DRAINED, NODE._replace(name="n2", state="ERROR")]))

    assert found["slurm_node_state"] == {("n1", "idle"): 1, ("n2", "error"): 1}
    assert found["slurm_node_flag"] == {("n1", "drain"): 1, ("n1", "noresp"): 1}


def test_reasons_say_why_who_and_since_when() -> None:
    found = samples(node_states.families([DRAINED]))

    assert found["slurm_node_drain_reason_info"] == {("n1", "bad disk", "root"): 1}
    assert found["slurm_node_drain_since_timestamp_seconds"] == {("n1",): 1795240818}


@pytest.mark.parametrize(
    ("state", "flags"), [("DOWN", set()), ("MIXED", {"DRAIN"}), ("IDLE", {"FAIL"})]
)
def test_nodes_out_of_service_have_their_reason(state: str, flags: set[str]) -> None:
    """The same that ``sinfo -R`` lists."""
    node = DRAINED._replace(state=state, flags=frozenset(flags))

    assert samples(node_states.families([node]))["slurm_node_drain_reason_info"]


def test_a_reason_that_no_longer_holds_is_not_told() -> None:
    found = samples(node_states.families([DRAINED._replace(flags=frozenset())]))

    assert not found["slurm_node_drain_reason_info"]
    assert not found["slurm_node_drain_since_timestamp_seconds"]


def test_a_reason_need_not_have_a_time() -> None:
    found = samples(node_states.families([DRAINED._replace(reason_user="", reason_since=None)]))

    assert found["slurm_node_drain_reason_info"] == {("n1", "bad disk", ""): 1}
    assert found["slurm_node_drain_since_timestamp_seconds"] == {}


def test_a_node_without_a_reason_has_none() -> None:
    found = samples(node_states.families([DRAINED._replace(reason="")]))

    assert found["slurm_node_drain_reason_info"] == {}


@pytest.mark.parametrize(
    ("reason", "told"),
    [("x" * 200, "x" * 200), ("x" * 201, "x" * 197 + "..."), ("ü" * 5000, "ü" * 197 + "...")],
)
def test_long_reasons_are_cut(reason: str, told: str) -> None:
    found = samples(node_states.families([DRAINED._replace(reason=reason)]))

    assert found["slurm_node_drain_reason_info"].keys() == {("n1", told, "root")}
