"""What sacct's text means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.commands.sacct import SACCT, ended_within
from slurm_exporter.sources.cli.records import FINAL_STATES, Ended

ROOT = Path(__file__).parents[4]
RECORDED = sorted((ROOT / "fixtures" / "cli").glob("*/sacct.txt"))
MARK = "\x1e0badcafe"

ROW = {
    "account": "physics",
    "user": "alice",
    "partition": "batch",
    "state": "COMPLETED",
    "number": "14818681101042603008",
    "job": "7",
    "eligible": "1795241190",
    "start": "1795241200",
    "end": "1795241260",
    "ran": "50",
    "cpu_seconds": "100",
    "tres": "billing=2,cpu=2,gres/gpu:a100=3,gres/gpu=3,mem=100M,node=1",
}


def text(**changes: str) -> str:
    """A row as sacct prints it."""
    return "".join(value + MARK for value in {**ROW, **changes}.values()) + "\n"


def read(**changes: str) -> Ended:
    [one] = SACCT.read(text(**changes), MARK).records
    return one


def test_every_field_has_its_place_and_unit() -> None:
    assert read() == Ended(
        id=14818681101042603008,
        tasks=1,
        state="COMPLETED",
        partition="batch",
        user="alice",
        account="physics",
        ended=1795241260,
        waited=10,
        ran=50,
        cpu_seconds=100,
        gpu_seconds=150,
    )


@pytest.mark.parametrize(
    ("printed", "state"),
    [
        ("CANCELLED by 1000", "CANCELLED"),
        ("CANCELLED+", "CANCELLED"),
        ("OUT_OF_ME+", "OUT_OF_MEMORY"),
        ("NODE_FAIL", "NODE_FAIL"),
        ("COMP", "COMP"),
        ("FROZEN+", "FROZEN"),
    ],
)
def test_a_state_is_one_of_slurms_words(printed: str, state: str) -> None:
    """Without who did it, and whole where it was cut; new words stay as they are."""
    assert read(state=printed).state == state


@pytest.mark.parametrize(
    ("job", "tasks"), [("7", 1), ("7_3", 1), ("25+1", 1), ("5_[0-99]", 100), ("5_[0,2-6%2]", 6)]
)
def test_tasks_that_were_cancelled_before_they_were_told_apart_count_each(
    job: str, tasks: int
) -> None:
    assert read(job=job).tasks == tasks


def test_a_job_that_never_started_did_not_wait_for_its_start() -> None:
    """Slurm may say that it started when it ended; but it was given nothing."""
    for start in ("None", "Unknown", "1795241260"):
        assert read(start=start, eligible="Unknown", tres="", ran="0").waited is None


def test_a_start_without_a_time_of_being_ready_was_at_once() -> None:
    """And none was before it."""
    assert read(eligible="Unknown").waited == 0
    assert read(eligible="1795241201").waited == 0
    assert read(start="Unknown").waited is None


def test_a_job_that_never_ran_counts_in_the_first_of_its_partitions() -> None:
    assert read(partition="gpu,batch").partition == "gpu"


def test_a_name_with_line_breaks_and_separators_makes_no_row() -> None:
    """Whoever chooses it cannot know the mark."""
    odd = f'\n|"x"\nphysics\x1e00000000alice\x1f{MARK[:-1]}\n'

    assert read(account=odd).account == odd
    assert len(SACCT.read(text() + text(account=odd) + text(), MARK).records) == 3


@pytest.mark.parametrize(
    "changes",
    [{"number": ""}, {"ran": "1:00"}, {"end": "soon"}, {"state": ""}, {"job": "6_[0,4...]"}],
)
def test_a_row_that_cannot_be_read_costs_that_row(changes: dict[str, str]) -> None:
    """As when a list of tasks is cut because a wrapper takes our environment away."""
    table = SACCT.read(text() + text(**changes), MARK)

    assert (len(table.records), table.malformed) == (1, 1)


def test_a_cut_output_is_no_answer() -> None:
    """What is counted once is never asked for again."""
    whole = text() + text()

    for length in range(len(text()) + 1, len(whole)):
        with pytest.raises(ParseError, match=r"^sacct ended with '.*': the output was cut$"):
            SACCT.read(whole[:length], MARK)


@given(st.text())
def test_any_output_is_read_without_an_exception(output: str) -> None:
    SACCT.parse(output, MARK)
    SACCT.parse(output.replace("|", MARK) + f"{MARK}\n", MARK)


def test_the_times_are_unix_times_and_the_mark_is_new_for_each_run() -> None:
    """Local time is said twice for an hour of each year."""
    words = ended_within(1795241190, 1795241260).words(MARK)

    assert words[-2:] == ["--starttime=uts1795241190", "--endtime=uts1795241260"]
    assert f"--delimiter={MARK}" in words
    assert "--state=boot_fail,cancelled,completed,deadline,failed,node_fail,out_of_memory," in (
        " ".join(words).replace("preempted,timeout", "")
    )
    assert str(ended_within(1, 2)) == str(SACCT) == "sacct"


def test_nothing_is_asked_of_the_days_that_sacct_takes_for_no_time() -> None:
    """``since: 1970-01-01`` means all there is, and sacct refuses numbers below a million."""
    times = ended_within(1, 3600).words(MARK)[-2:]

    assert times == ["--starttime=uts1000000", "--endtime=uts1000000"]


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.parent.name)
def test_every_row_that_slurm_really_printed_can_be_read(file: Path) -> None:
    """Of each release; also those of jobs that were cancelled before anything else."""
    table = SACCT.read(file.read_text(), "MARK")

    assert table.malformed == 0
    assert {"COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL"} <= {r.state for r in table.records}
    assert {r.state for r in table.records} <= set(FINAL_STATES)
    assert max(r.tasks for r in table.records) > 100
    assert any(r.waited is None for r in table.records)
    assert any(r.gpu_seconds for r in table.records)
    assert len({r.id for r in table.records}) == len(table.records)
