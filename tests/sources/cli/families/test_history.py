"""How jobs ended, and what they used."""

from __future__ import annotations

from slurm_exporter.exposition import Format, render
from slurm_exporter.sources.cli.families import history
from slurm_exporter.sources.cli.families.history import METRICS, STATES, Totals, count, families
from slurm_exporter.sources.cli.records import Ended

RUN = Ended(
    id=1,
    tasks=1,
    state="COMPLETED",
    partition="batch",
    user="alice",
    account="physics",
    ended=100,
    waited=7,
    ran=60,
    cpu_seconds=240,
    gpu_seconds=0,
)


def told(*runs: Ended, by: tuple[str, ...] = ()) -> dict[str, str]:
    """What stands on the page, by name and labels."""
    totals: Totals = {}
    for one in runs:
        count(totals, one, by)
    page = b"".join(render(families(totals, 10, 200, saved=True), ())[Format.TEXT]).decode()
    return dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))


def named(found: dict[str, str], family: str) -> dict[str, str]:
    """The samples of one family, by their first label."""
    return {key.split('"')[1]: n for key, n in found.items() if key.startswith(family + "{")}


def test_jobs_are_counted_by_partition_and_by_how_they_ended() -> None:
    """Tasks of arrays that never started count each."""
    found = told(
        RUN,
        RUN,
        RUN._replace(state="NODE_FAIL"),
        RUN._replace(tasks=100, state="CANCELLED", waited=None, ran=0, cpu_seconds=0),
        RUN._replace(partition="gpu"),
    )

    assert found['slurm_history_jobs_total{partition="batch",state="completed"}'] == "2"
    assert found['slurm_history_jobs_total{partition="batch",state="node_fail"}'] == "1"
    assert found['slurm_history_jobs_total{partition="batch",state="cancelled"}'] == "100"
    assert found['slurm_history_jobs_total{partition="gpu",state="completed"}'] == "1"
    assert found['slurm_history_started_jobs_total{partition="batch",state="cancelled"}'] == "0"
    assert found['slurm_history_started_jobs_total{partition="batch",state="completed"}'] == "2"


def test_what_they_used_is_summed() -> None:
    found = told(RUN, RUN._replace(waited=3, gpu_seconds=120))

    end = '{partition="batch",state="completed"}'
    assert found[f"slurm_history_wait_seconds_total{end}"] == "10"
    assert found[f"slurm_history_run_seconds_total{end}"] == "120"
    assert found[f"slurm_history_cpu_seconds_total{end}"] == "480"
    assert found[f"slurm_history_gpu_seconds_total{end}"] == "120"


def test_gpus_are_absent_while_nobody_had_any() -> None:
    """Where Slurm does not account for them, nobody has."""
    assert not any("gpu" in name for name in told(RUN, by=("account", "user")))


def test_every_state_of_a_partition_starts_at_zero() -> None:
    """The first job that fails is an increase then."""
    found = told(RUN)

    assert [
        found[f'slurm_history_jobs_total{{partition="batch",state="{state}"}}'] for state in STATES
    ] == ["1" if state == "completed" else "0" for state in STATES]


def test_a_state_that_is_unknown_to_us_is_counted_as_other() -> None:
    found = told(RUN._replace(state="FROZEN"))

    assert found['slurm_history_jobs_total{partition="batch",state="other"}'] == "1"


def test_accounts_and_users_are_told_apart_only_when_asked() -> None:
    """They can be many."""
    finer = ("slurm_history_account_", "slurm_history_user_")
    assert not any(name.startswith(finer) for name in told(RUN))
    assert not any(name.startswith(finer[1]) for name in told(RUN, by=("account",)))

    found = told(RUN, RUN._replace(account=""), by=("account", "user"))
    assert found['slurm_history_account_jobs_total{account="",state="completed"}'] == "1"
    assert found['slurm_history_user_jobs_total{username="alice",state="completed"}'] == "2"
    assert found['slurm_history_user_cpu_seconds_total{username="alice",state="completed"}'] == (
        "480"
    )
    assert "slurm_history_user_run_seconds_total" not in str(found)


def test_names_that_anybody_can_make_up_have_an_end(monkeypatch) -> None:
    """From then on they share one; those that there are go on as before."""
    monkeypatch.setattr(history, "MOST", 3)
    accounts = ("a", "b", "c", "d", "e", "a")

    found = told(*(RUN._replace(account=name) for name in accounts), by=("account",))

    assert named(found, "slurm_history_account_jobs_total") == {
        "a": "2",
        "b": "1",
        "c": "1",
        "other": "2",
    }


def test_names_that_are_made_up_take_no_room_from_others(monkeypatch) -> None:
    """A user who invents accounts hides neither partitions nor users; partitions nobody invents."""
    monkeypatch.setattr(history, "MOST", 2)
    runs = [RUN._replace(account=f"a{n}") for n in range(9)]
    runs += [RUN._replace(user="bob", partition=f"p{n}") for n in range(4)]

    found = told(*runs, by=("account", "user"))

    assert named(found, "slurm_history_user_jobs_total") == {"alice": "9", "bob": "4"}
    assert named(found, "slurm_history_run_seconds_total") == {
        "batch": "540",
        **{f"p{n}": "60" for n in range(4)},
    }


def test_it_says_from_when_until_when_it_has_counted() -> None:
    found = told()

    assert found == {
        "slurm_history_since_timestamp_seconds": "10",
        "slurm_history_until_timestamp_seconds": "200",
        "slurm_history_state_saved": "1",
    }


def test_every_family_is_a_metric_of_the_docs() -> None:
    totals: Totals = {}
    count(totals, RUN._replace(gpu_seconds=1), ("account", "user"))

    assert {family.name for family in families(totals, 1, 2, saved=False)} == {
        m.name for m in METRICS
    }
