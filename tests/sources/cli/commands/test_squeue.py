"""The text of squeue, from three releases of Slurm."""

from __future__ import annotations

from collections import Counter

import pytest

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.command import FIELD
from slurm_exporter.sources.cli.commands.squeue import SQUEUE
from slurm_exporter.sources.cli.records import Job
from tests.sources.cli.recordings import MARK, RELEASES, recorded, records

ROW = {
    "job": "7",
    "tasks": "N/A",
    "state": "RUNNING",
    "partition": "batch",
    "user": "alice",
    "cpus": "2",
    "nodes": "1",
    "max_nodes": "1",
    "tres": "cpu=2,mem=500M,node=1,billing=2",
    "list": "n0004",
    "per_job": "N/A",
    "per_node": "N/A",
    "per_socket": "N/A",
    "per_task": "N/A",
    "submitted": "1795240988",
    "eligible": "1795240989",
    "started": "1795240990",
    "ended": "1795240991",
    "reason": "None",
    "account": "physics",
}


def text(**changes: str) -> str:
    return FIELD.join({**ROW, **changes}.values()) + MARK + "\n"


def one(**changes: str) -> Job:
    """The job of a row, which must be good."""
    (job,) = records(SQUEUE, text(**changes))
    return job


@pytest.fixture(params=RELEASES)
def jobs(request: pytest.FixtureRequest) -> dict[str, Job]:
    """The jobs of a real cluster, by their number."""
    return {job.id: job for job in records(SQUEUE, recorded(SQUEUE, request.param))}


def test_every_release_prints_what_we_ask_for(jobs: dict[str, Job]) -> None:
    """All fields of a running job."""
    running = jobs["6"]
    assert running == Job(
        id="6",
        tasks=1,
        state="RUNNING",
        flags=frozenset(),
        partitions=("batch",),
        user="alice",
        account="physics",
        cpus=4,
        memory=800 << 20,
        gpus={},
        nodes=("n2",),
        min_nodes=1,
        max_nodes=running.max_nodes,
        reason="None",
        submitted=running.submitted,
        eligible=running.submitted,
        started=running.started,
        ended=running.started + 3600,
    )
    assert 1_700_000_000 < running.submitted <= running.started


def test_jobs_of_all_states_are_listed(jobs: dict[str, Job]) -> None:
    """Those that have ended too."""
    assert Counter(job.state for job in jobs.values()) == {
        "CANCELLED": 1,
        "COMPLETED": 2,
        "FAILED": 1,
        "NODE_FAIL": 1,
        "PENDING": 20,
        "RUNNING": 12,
        "SUSPENDED": 1,
        "TIMEOUT": 1,
    }
    (configuring,) = (job for job in jobs.values() if job.flags)
    assert (configuring.state, configuring.flags) == ("RUNNING", {"CONFIGURING"})


def test_waiting_arrays_are_one_row_and_many_tasks(jobs: dict[str, Job]) -> None:
    """With steps, commas and limits."""
    arrays = {job.id: job.tasks for job in jobs.values() if job.tasks > 1}
    assert arrays == {"13": 18, "14": 100, "24": 3334, "25": 5, "26": 8}


@pytest.mark.parametrize("task", ["16", "17", "39"])
def test_a_task_that_runs_is_a_job_of_its_own(jobs: dict[str, Job], task: str) -> None:
    """With a number that neither its array nor another task has."""
    assert (jobs[task].tasks, jobs[task].state, jobs[task].user) == (1, "RUNNING", "erin")


def test_gpus_have_their_model(jobs: dict[str, Job]) -> None:
    """Whether the job asks for one or not; parts of a heterogeneous job are jobs of their own."""
    assert {job.id: dict(job.gpus) for job in jobs.values() if job.gpus} == {
        "18": {"a100": 1},
        "19": {"a100": 2},
        "20": {"a100": 1, "h100": 2},
        "21": {"h100": 1},
        "23": {"h100": 4},
    }


def test_what_people_call_things_is_read_as_it_is(jobs: dict[str, Job]) -> None:
    """Blanks, quotes, line breaks, backslashes and letters of all alphabets."""
    assert [jobs[str(number)].account for number in range(28, 35)] == [
        'it\'s a "quote"',
        "a|pipe, a comma; a\ttab",
        "two\nlines",
        "back\\slash\\",
        "fysik-\u00b5-\u7269\u7406",
        "x" * 200,
        "",
    ]
    assert (jobs["34"].user, jobs["35"].user) == ("CORP\\dan", "\u00fcn\u00ef")
    assert jobs["27"].partitions == ("long", "rest", "\u00fcn\u00ef")
    assert jobs["15"].reason.startswith("Nodes required for job are DOWN, DRAINED")


@pytest.mark.parametrize("release", RELEASES)
def test_hostile_names_forge_nothing(release: str) -> None:
    """Eleven jobs, some of which have rows of metrics in their accounts' names."""
    jobs = records(SQUEUE, recorded(SQUEUE, release, "hostile"))
    assert sorted(int(job.id) for job in jobs) == list(range(1, 12))
    assert any("slurm_jobs_running 424242" in job.account for job in jobs)


@pytest.mark.parametrize(
    ("word", "state", "flags"),
    [
        ("RUNNING", "RUNNING", set()),
        ("CONFIGURING", "RUNNING", {"CONFIGURING"}),
        ("REQUEUED", "PENDING", {"REQUEUED"}),
        ("COMPLETING", "COMPLETING", set()),
        ("TELEPORTING", "TELEPORTING", set()),
    ],
)
def test_a_word_stands_for_a_state_and_what_else_is_said_of_it(
    word: str, state: str, flags: set[str]
) -> None:
    """A state that does not exist yet is kept as it is."""
    job = one(state=word)
    assert (job.state, job.flags) == (state, flags)


@pytest.mark.parametrize(
    "account", ["a|b", "a b, c", 'say "hi"', "back\\slash", "Zoë", "two\nlines", "x" * 200, ""]
)
def test_an_account_may_have_any_name(account: str) -> None:
    """On many clusters every user may choose it."""
    assert one(account=account).account == account


def test_a_job_may_have_no_account_and_no_node_and_no_end() -> None:
    job = one(account="(null)", list="", started="N/A", ended="N/A", tres="N/A")
    assert (job.account, job.nodes, job.started, job.ended, job.memory) == ("", (), None, None, 0)


def test_a_waiting_job_may_name_several_partitions() -> None:
    assert one(partition="batch,gpu").partitions == ("batch", "gpu")


def test_gpus_that_slurm_does_not_account_for_are_unknown() -> None:
    """The job asks for some; how many it has nobody says."""
    assert one(per_node="gres/gpu:2").gpus is None
    assert one(per_job="gres:gpu:h100:1").gpus is None
    assert one(per_task="gres/shard=1,gres/gpu=1").gpus is None
    assert one(per_node="gres/gpu:a100:0,gres/gpu:h100:1").gpus is None
    assert one(per_node="gres/licence:2").gpus == {}
    assert one(per_node="gres/gpu:2", tres="cpu=1,gres/gpu=2").gpus == {"": 2}


@pytest.mark.parametrize(
    "asked",
    [
        {"per_node": "gres/gpu:0"},
        {"per_job": "gres:gpu:0"},
        {"per_task": "gres:gpu:a100:0,gres:gpu:h100:0"},
        {"per_node": "gres/gpumem:1G"},
        {"per_task": "license/gpu:1"},
    ],
)
def test_a_job_that_asks_for_no_gpus_has_none(asked: dict[str, str]) -> None:
    """One whose GPUs were unknown would take everybody's GPUs off the page."""
    assert one(**asked).gpus == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"tasks": "1,2,3,..."},
        {"cpus": "N/A"},
        {"list": "n[1-"},
        {"submitted": "soon"},
        {"tres": "mem=lots"},
        {"tres": f"mem={'9' * 400}"},
        {"tasks": f"0-{'9' * 30}"},
        {"tasks": "0-4:0"},
        {"list": "n[0-9999999999]"},
        {"list": "n" + "[0-99]" * 800},
        {"list": ",".join(["n[0-99999]"] * 3)},
        {"started": "9" * 400},
        {"started": "0001-01-01T00:00:00"},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_read_costs_that_row(changes: dict[str, str]) -> None:
    read = SQUEUE.read(text() + text(**changes) + text(job="8"), MARK)
    assert ([job.id for job in read.records], read.malformed) == (["7", "8"], 1)


@pytest.mark.parametrize("release", RELEASES)
def test_an_output_that_was_cut_off_is_no_answer(release: str) -> None:
    """Half the jobs of a cluster would look like a calm one."""
    whole = recorded(SQUEUE, release)
    with pytest.raises(ParseError, match=r"^squeue ended with '.*': the output was cut$"):
        SQUEUE.read(whole[: len(whole) // 2], MARK)


def test_rows_none_of_which_can_be_read_are_no_answer() -> None:
    """It would look like a cluster without jobs."""
    with pytest.raises(ParseError) as raised:
        SQUEUE.read(text(cpus="two") + text(cpus="three"), MARK)
    assert str(raised.value).startswith("squeue printed nothing that can be read; it begins with ")
    assert str(raised.value).endswith(repr(text(cpus="two")[:40]))


def test_a_user_cannot_forge_the_row_of_another() -> None:
    """Not even with a row as squeue would print it."""
    evil = f"x{text(user='bob', account='forged').replace(MARK, chr(30) + '12345678')}"
    assert one(account=evil).account == evil


def test_an_idle_cluster_has_no_jobs() -> None:
    read = SQUEUE.read("", MARK)
    assert (read.records, read.malformed) == ((), 0)
    assert SQUEUE.may_be_empty


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("JobHeldUser,QOSGrpWallLimit", "JobHeldUser"),
        ("JobHeldUser,Priority,BeginTime", "JobHeldUser"),
        ("ReqNodeNotAvail, UnavailableNodes:n[1-7]", "ReqNodeNotAvail, UnavailableNodes:n[1-7]"),
        ("job requeued in held state", "job requeued in held state"),
    ],
)
def test_the_tasks_of_a_row_wait_for_what_most_of_them_wait_for(printed: str, reason: str) -> None:
    """24.11 and 26.05 put a released task into the row of an array that is held."""
    assert one(tasks="1-51,53-100", state="PENDING", reason=printed).reason == reason
