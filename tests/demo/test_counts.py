"""The numbers agree with each other at any moment of any story."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slurm_exporter.demo.cluster import Cluster
from slurm_exporter.demo.endpoints import ENDPOINTS, answer
from slurm_exporter.demo.inventory import PARTITIONS, SCAVENGE, Shape
from slurm_exporter.demo.sdiag import MEANS

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.demo.controller import Controller
    from tests.demo.conftest import Bench

FINAL_STATES = (
    *("bootfail", "cancelled", "completed", "deadline", "failed", "node_failed", "outofmemory"),
    *("preempted", "timeout"),
)
BASE_STATES = ("alloc", "down", "future", "idle", "mixed", "unknown")
ALLOCATIONS = ("cpus_alloc", "gpus_alloc", "memory_alloc")
NODES_BY_PARTITION = {
    p.name: {name for kind in p.kinds for name in kind.names()} for p in PARTITIONS
}

EVENING = 1_795_216_437.0
"""46 minutes before midnight UTC, when the statistics begin anew."""

Pages = dict[str, dict[str, int]]


def pages(cluster: Controller) -> Pages:
    """All that is told at one moment: by name of the family, by label value (or empty)."""
    values: Pages = defaultdict(dict)
    for endpoint in ENDPOINTS:
        for row in answer(endpoint, cluster).splitlines():
            if not row.startswith("#"):
                series, _, number = row.rpartition(" ")
                name, _, label = series.partition("{")
                _, _, label_value = label.rstrip('"}').partition('="')
                assert label_value not in values[name], "a series appears twice"
                values[name][label_value] = int(number)
    return values


def total(values: dict[str, int]) -> int:
    """The sum over a family's rows."""
    return sum(values.values())


@pytest.fixture(scope="module")
def story() -> list[Pages]:
    """What one cluster tells over two hours, at moments that keep step with nothing in it."""
    cluster = Cluster(8, EVENING)
    told = [pages(cluster)]
    for _ in range(80):
        cluster.advance(91.7)
        told.append(pages(cluster))
    return told


def agree_job_states(page: Pages):
    def jobs(state: str) -> int:
        return page[f"slurm_jobs_{state}"][""]

    assert jobs("pending") + jobs("running") + jobs("finished") == page["slurm_jobs"][""]
    assert jobs("started") == jobs("running") + jobs("finished")
    assert sum(jobs(state) for state in FINAL_STATES) == jobs("finished")
    assert jobs("hold") + jobs("requeued") <= jobs("pending")
    assert jobs("configuring") <= jobs("running")
    assert jobs("completing") <= jobs("finished") + jobs("requeued")


def agree_groups(page: Pages):
    summed = [name for name in page if name.startswith("slurm_jobs_")]
    summed.remove("slurm_jobs_nodes_alloc")
    for name in summed:
        whole = page[name][""]
        for group in ("user", "account", "partition"):
            assert total(page[name.replace("slurm_", f"slurm_{group}_", 1)]) == whole, name
    assert total(page["slurm_user_jobs"]) == total(page["slurm_account_jobs"])
    assert total(page["slurm_user_jobs"]) <= page["slurm_jobs"][""]


def agree_nodes_of_jobs(page: Pages):
    nodes = page["slurm_jobs_nodes_alloc"][""]
    assert nodes == page["slurm_nodes_alloc"][""] + page["slurm_nodes_mixed"][""]
    for group in ("user", "account"):
        parts = page[f"slurm_{group}_jobs_nodes_alloc"]
        assert max(parts.values()) <= nodes <= total(parts)


def agree_unfinished_jobs(page: Pages):
    unfinished = total(page["slurm_partition_jobs"])
    finished = page["slurm_jobs_finished"][""]
    completing = page["slurm_jobs_completing"][""]
    requeued = page["slurm_jobs_requeued"][""]
    records = total(page["slurm_user_jobs"])
    assert records - finished <= unfinished <= records - finished + completing
    assert unfinished >= records - finished + completing - requeued


def agree_node_states(page: Pages):
    states = {state: page[f"slurm_nodes_{state}"][""] for state in BASE_STATES}
    assert sum(states.values()) == page["slurm_nodes"][""] == len(page["slurm_node_cpus"])
    assert page["slurm_nodes_planned"][""] <= states["idle"]
    assert page["slurm_nodes_drain"][""] == page["slurm_nodes_drained"][""]
    assert page["slurm_nodes_draining"][""] <= states["alloc"] + states["mixed"]
    assert page["slurm_nodes_noresp"][""] <= states["down"]


def agree_nodes_and_jobs(page: Pages):
    assert total(page["slurm_node_cpus_alloc"]) == page["slurm_jobs_cpus_alloc"][""]
    assert total(page["slurm_node_gpus_alloc"]) == page["slurm_jobs_gpus_alloc"][""]
    assert total(page["slurm_node_memory_alloc_bytes"]) == page["slurm_jobs_memory_alloc"][""]


def agree_within_each_node(page: Pages):
    for name, cpus in page["slurm_node_cpus"].items():
        effective = page["slurm_node_cpus_effective"][name]
        allocated = page["slurm_node_cpus_alloc"][name]
        assert 0 <= allocated <= effective <= cpus
        assert allocated + page["slurm_node_cpus_idle"][name] == effective
        assert 0 <= page["slurm_node_gpus_alloc"][name] <= page["slurm_node_gpus"][name]
        memory = page["slurm_node_memory_bytes"][name]
        assert 0 < page["slurm_node_memory_free_bytes"][name] < memory
        effective = page["slurm_node_memory_effective_bytes"][name]
        assert 0 <= page["slurm_node_memory_alloc_bytes"][name] <= effective <= memory


def agree_partitions_and_their_nodes(page: Pages):
    sums = {
        "slurm_partition_cpus": "slurm_node_cpus",
        "slurm_partition_gpus": "slurm_node_gpus",
        "slurm_partition_nodes_cpus_alloc": "slurm_node_cpus_alloc",
        "slurm_partition_nodes_cpus_idle": "slurm_node_cpus_idle",
        "slurm_partition_nodes_cpus_efctv": "slurm_node_cpus_effective",
        "slurm_partition_nodes_mem_alloc": "slurm_node_memory_alloc_bytes",
        "slurm_partition_nodes_mem_avail": "slurm_node_memory_effective_bytes",
        "slurm_partition_nodes_mem_free": "slurm_node_memory_free_bytes",
        "slurm_partition_nodes_mem_tot": "slurm_node_memory_bytes",
    }
    for partition, names in NODES_BY_PARTITION.items():
        assert page["slurm_partition_nodes"][partition] == len(names)
        states = [page[f"slurm_partition_nodes_{state}"][partition] for state in BASE_STATES]
        assert sum(states) == len(names)
        for mine, theirs in sums.items():
            assert page[mine][partition] == sum(page[theirs][name] for name in names), mine
    assert page["slurm_partitions"][""] == len(page["slurm_partition_nodes"])
    # One partition lies over all others but debug.
    assert total(page["slurm_partition_nodes"]) == page["slurm_nodes"][""] + 112


def agree_scheduler(page: Pages):
    def value(name: str) -> int:
        return page[f"slurm_{name}"][""]

    for cycles, reasons in (
        ("schedule_cycle_cnt", "slurm_sched_exit_"),
        ("bf_cycle_cnt", "slurm_bf_exit_"),
    ):
        ended = sum(total(rows) for name, rows in page.items() if name.startswith(reasons))
        assert ended == value(cycles)
    for mean, (whole, cycles) in MEANS.items():
        assert value(mean) == value(whole) // max(value(cycles), 1)
    for cycle in ("schedule_cycle", "bf_cycle"):
        assert value(f"{cycle}_last") <= value(f"{cycle}_max") <= value(f"{cycle}_tot")
    assert value("bf_last_depth_try") <= value("bf_last_depth") <= value("bf_queue_len")
    assert value("last_proc_req_start") <= value("sched_stats_timestamp")
    assert value("sched_stats_timestamp") - value("sdiag_job_states_ts") <= 30
    assert value("sched_stats_timestamp") - value("bf_when_last_cycle") <= 30


AGREEMENTS = (
    agree_job_states,
    agree_groups,
    agree_nodes_of_jobs,
    agree_unfinished_jobs,
    agree_node_states,
    agree_nodes_and_jobs,
    agree_within_each_node,
    agree_partitions_and_their_nodes,
    agree_scheduler,
)


@pytest.mark.parametrize("agree", AGREEMENTS)
def test_numbers_agree_throughout_a_story(story: list[Pages], agree: Callable[[Pages], None]):
    for page in story:
        agree(page)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), pauses=st.lists(st.floats(0, 300), max_size=3, min_size=1))
def test_numbers_agree_in_any_story(seed: int, pauses: list[float]):
    cluster = Cluster(seed, EVENING)
    for pause in pauses:
        cluster.advance(pause)
        page = pages(cluster)
        for agree in AGREEMENTS:
            agree(page)


def test_every_family_that_the_demo_brings_to_life_moves(story: list[Pages]):
    """A picture that never changes would look broken: all that can move in two hours does."""
    values: dict[str, set[int]] = defaultdict(set)
    for page in story:
        for name, rows in page.items():
            values[name].update(rows.values())
    still = {name for name, seen in values.items() if len(seen) == 1}

    prefixes = ("slurm_jobs_", "slurm_user_jobs_", "slurm_account_jobs_", "slurm_partition_jobs_")
    dead_jobs = (
        *("bootfail", "deadline", "expediting", "fed_requeued", "powerup_node", "resizing"),
        *("revoked", "signaling", "stageout", "suspended"),
    )
    dead_nodes = (
        *("blocked", "cloud", "dyn_future", "dyn_normal", "external", "future", "power_down"),
        *("power_up", "powered_down", "powering_up", "unknown"),
    )
    expected = {prefix + state for prefix in prefixes for state in dead_jobs}
    expected |= {f"slurm_nodes_{state}" for state in dead_nodes}
    expected |= {f"slurm_partition_nodes_{state}" for state in (*dead_nodes, "powering_down")}
    expected |= {"slurm_nodes", "slurm_partitions", "slurm_backfilled_het_jobs", "slurm_bf_active"}
    expected |= {"slurm_sdiag_jobs_failed"}
    expected |= {
        *(f"slurm_sched_exit_{why}" for why in ("max_depth", "max_job_start", "lic", "rpc_cnt")),
        *(f"slurm_bf_exit_{why}" for why in ("max_job_start", "state_changed", "table_limit")),
        *("slurm_sched_exit_timeout", "slurm_bf_exit_timeout"),
    }
    assert still - expected == set()
    assert expected - still == set()


def test_jobs_without_an_account_are_a_row_without_a_label():
    text = answer("jobs-users-accts", Cluster(7, EVENING))
    rows = [line for line in text.splitlines() if line.startswith("slurm_account_jobs_running")]

    bare = [row for row in rows if "{" not in row]
    assert len(bare) == 1
    assert len(rows) == 7


def test_a_waiting_array_counts_as_its_tasks_or_as_one_record(bench: Bench):
    bench.put(SCAVENGE, Shape(1, 1, 1), tasks=49).flags = frozenset({"hold"})
    bench.put(SCAVENGE, Shape(1, 1, 1), tasks=3)
    page = pages(bench)

    assert page["slurm_jobs"][""] == page["slurm_jobs_pending"][""] == 52
    assert page["slurm_user_jobs"] == {"nobody": 2}
    assert page["slurm_user_jobs_pending"] == {"nobody": 52}
    assert page["slurm_user_jobs_hold"] == {"nobody": 49}
    assert page["slurm_partition_jobs"]["scavenge"] == 2


def test_the_largest_waiting_jobs_are_told_with_and_without_held_ones(bench: Bench):
    bench.put(SCAVENGE, Shape(9, 1, 1)).flags = frozenset({"hold"})
    bench.put(SCAVENGE, Shape(4, 1, 1))
    bench.run(bench.put(SCAVENGE, Shape(2, 1, 1)), "cn001", "cn002")
    page = pages(bench)

    for end in ("max_job_nodes", "min_job_nodes"):
        assert page[f"slurm_partition_jobs_{end}"]["scavenge"] == 9
        assert page[f"slurm_partition_jobs_{end}_nohold"]["scavenge"] == 4
        assert page[f"slurm_partition_jobs_{end}"]["debug"] == 0


def test_nodes_shared_by_several_jobs_are_counted_once(bench: Bench):
    for _ in range(3):
        bench.run(bench.put(SCAVENGE, Shape(2, 1, 1)), "cn001", "cn002")
    page = pages(bench)

    assert page["slurm_jobs_nodes_alloc"] == {"": 2}
    assert page["slurm_user_jobs_nodes_alloc"] == {"nobody": 2}
    assert page["slurm_jobs_cpus_alloc"] == {"": 6}


def test_a_node_is_draining_while_jobs_run_on_it_and_drained_afterwards(bench: Bench):
    job = bench.run(bench.put(SCAVENGE, Shape(1, 1, 1)), "cn001")
    bench.nodes["cn001"].flags = frozenset({"drain"})
    drains = [pages(bench)]
    bench.finish(job, "completed")
    drains.append(pages(bench))

    seen = [
        Counter({state: page[f"slurm_nodes_{state}"][""] for state in ("draining", "drain")})
        for page in drains
    ]
    assert seen == [{"draining": 1, "drain": 0}, {"draining": 0, "drain": 1}]
    assert drains[1]["slurm_nodes_completing"][""] == 1


def test_a_node_that_is_down_is_not_being_cleaned_up(bench: Bench):
    job = bench.run(bench.put(SCAVENGE, Shape(2, 1, 1)), "cn001", "cn002")
    bench.nodes["cn001"].flags = frozenset({"down", "noresp"})
    bench.finish(job, "node_failed")

    assert pages(bench)["slurm_nodes_completing"] == {"": 1}
