"""Each run counts once, however often it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.config import History
from slurm_exporter.sources.cli.ledger import Ledger
from slurm_exporter.sources.cli.records import Ended

HISTORY = History("1 hour ago", ("user",))
RUN = Ended(1, 1, "COMPLETED", "batch", "alice", "physics", 150, 7, 60, 240, 0)
KEY = ("batch", "completed")


def begun(since: int = 100) -> Ledger:
    return Ledger.begun(HISTORY, since)


def counted(ledger: Ledger) -> int:
    return ledger.totals.get("partition", {}).get(KEY, {}).get("jobs_total", 0)


def test_a_run_that_is_told_again_is_not_counted_again() -> None:
    ledger = begun()
    ledger.add([RUN, RUN], 100, 200, 140)
    ledger.add([RUN, RUN._replace(id=2, ended=210)], 140, 300, 240)

    assert counted(ledger) == 2
    assert (ledger.until, ledger.settled) == (300, 240)


def test_only_runs_that_can_be_told_again_are_remembered() -> None:
    """So that the ledger does not grow with the history."""
    ledger = begun()
    ledger.add([RUN._replace(id=n, ended=100 + n) for n in range(101)], 100, 200, 190)

    assert sorted(ledger.seen) == list(range(90, 101))
    ledger.add([], 190, 500, 490)
    assert ledger.seen == {}


def test_a_slice_of_what_is_long_over_is_settled_as_a_whole() -> None:
    """Only what ended at its very end is told by the next slice too."""
    ledger = begun()
    ledger.add([RUN, RUN._replace(id=2, ended=200)], 100, 200, 9_000)

    assert (ledger.settled, ledger.seen) == (200, {2: 200})


@pytest.mark.parametrize("ended", [None, 99, 201])
def test_a_run_that_says_a_wrong_time_is_remembered_as_long_as_need_be(ended: int | None) -> None:
    """Another place's local time, for example."""
    ledger = begun()
    ledger.add([RUN._replace(ended=ended)], 100, 200, 190)

    assert ledger.seen == {1: 200}


def test_a_run_that_slurmdbd_knows_only_the_end_of_is_counted_when_it_knows_the_rest() -> None:
    """Or when it is too late to wait for that."""
    ledger = begun()
    known = [RUN._replace(partition="", ended=180), RUN._replace(id=2, partition="", ended=180)]
    ledger.add(known, 100, 200, 150)
    assert ledger.totals == {}

    ledger.add([known[0], known[1]._replace(partition="batch")], 150, 250, 180)
    assert counted(ledger) == 1

    ledger.add(known, 180, 260, 181)
    assert counted(ledger) == 1
    assert ledger.totals["partition"]["", "completed"]["jobs_total"] == 1


def test_only_what_is_older_than_the_overlap_is_settled() -> None:
    """And nothing before the begin is unsettled by it."""
    ledger = begun()
    settled = []
    for end, late in ((200, 50), (1_000, 900), (1_001, 20)):
        ledger.add([], ledger.settled, end, late)
        settled.append(ledger.settled)

    assert settled == [100, 900, 900]


def test_a_clock_that_was_put_back_is_noticed_and_can_be_followed() -> None:
    """Unless it is before the begin, where nothing is to be counted."""
    ledger = begun()
    ledger.add([], 100, 10_000, 9_900)
    assert [ledger.is_ahead(now) for now in (99, 100, 9_899, 9_900)] == [False, True, True, False]

    ledger.follow(5_000)
    assert (ledger.settled, ledger.until) == (5_000, 5_000)
    ledger.add([RUN._replace(ended=5_001)], 5_000, 5_010, 4_910)
    assert counted(ledger) == 1
    assert ledger.settled == 5_000


def test_a_longer_overlap_does_not_count_again_what_was_forgotten() -> None:
    ledger = begun()
    ledger.add([RUN], 100, 1_000, 990)
    ledger.add([], 990, 1_010, 110)

    assert ledger.settled == 990


def test_it_answers_what_it_was_begun_for() -> None:
    ledger = begun()
    assert ledger.answers(HISTORY)
    assert ledger.answers(History("1 hour ago", ("user",), overlap=5.0))
    assert not ledger.answers(History("2 hours ago", ("user",)))
    assert not ledger.answers(History("1 hour ago", ("account", "user")))


def test_all_of_it_survives_being_written_down() -> None:
    ledger = begun()
    ledger.add([RUN, RUN._replace(id=2**64 - 1, user='q"|\n', ended=199)], 100, 200, 190)

    assert Ledger.restored(json.loads(json.dumps(ledger.state()))) == ledger


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        3,
        {},
        {"version": 2},
        {**begun().state(), "since": None},
        {**begun().state(), "totals": []},
        {**begun().state(), "totals": {"partition": [["batch"]]}},
        {**begun().state(), "totals": {"partition": [["batch", "completed", {"jobs_total": "x"}]]}},
        {**begun().state(), "totals": {"partition": [["batch", "completed", 3]]}},
        {**begun().state(), "seen": [3]},
        json.loads('{"version": 1, "asked": "", "by": [], "since": 1e999}'),
        {**begun().state(), "settled": float("nan")},
    ],
)
def test_what_is_no_ledger_is_not_taken_for_one(state: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Ledger.restored(state)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 20))),
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 50))),
)
def test_whenever_it_is_asked_each_run_counts_once(
    ends: list[tuple[int, int]], polls: list[tuple[int, int]]
) -> None:
    """Unless slurmdbd learns of it later than the overlap bears."""
    overlap, now, ledger = 20, 1, begun(since=1)
    for pause, length in (*polls, (400, 50)):
        now += pause
        begin = ledger.settled
        while begin < now:
            end = min(now, begin + length)
            runs = [
                RUN._replace(id=n, ended=ended)
                for n, (ended, late) in enumerate(ends)
                if begin <= ended <= end and ended + late <= now
            ]
            ledger.add(runs, begin, end, now - overlap)
            ledger = Ledger.restored(ledger.state())
            begin = end

    assert counted(ledger) == len(ends)
