"""sacct is asked only for what is new, and everything counts once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from slurm_exporter.config import Cli, Endpoint, History, Slurm
from slurm_exporter.errors import CommandError, ParseError, PollTimeoutError
from slurm_exporter.sources.cli import history
from slurm_exporter.sources.cli.commands.sacct import ended_within
from slurm_exporter.sources.cli.history import HistorySource
from slurm_exporter.sources.cli.keeper import Keeper
from slurm_exporter.sources.cli.outputs import Outputs
from tests.fake_sacct import FakeSacct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from slurm_exporter.sources.cli.command import Command, Table
    from slurm_exporter.sources.cli.records import Ended

HOUR, DAY = 3600, 86_400
BEGIN = 1_800_000_000


class Clock:
    """Both clocks; time passes only when told to, and as long as sacct is said to take.

    Attributes:
        now: the time it is.
        wrong: by how much the clock on the wall is ahead of it.
    """

    def __init__(self) -> None:
        self.now = float(BEGIN)
        self.wrong = 0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.wrong


class SlowOutputs(Outputs):
    """Takes some time for each hour of history."""

    def __init__(self, cli: Cli, clock: Clock) -> None:
        super().__init__(cli, 0)
        self.clock = clock
        self.per_hour = 0.0

    def run(self, command: Command, mark: str, seconds: float) -> bytes:
        begin, end = (int(word.partition("uts")[2]) for word in command.arguments[-2:])
        takes = self.per_hour * (end - begin) / HOUR
        self.clock.now += min(takes, seconds)
        if takes > seconds:
            raise PollTimeoutError(f"{command} took longer than {seconds:.3g} s")
        return super().run(command, mark, 10.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sacct(tmp_path: Path) -> FakeSacct:
    (tmp_path / "bin").mkdir()
    return FakeSacct(tmp_path / "bin")


class Cluster:
    """What is needed to start the exporter again and again."""

    def __init__(self, sacct: FakeSacct, state: Path, clock: Clock) -> None:
        self.clock = clock
        self.slurm = Slurm(cli=Cli(path=sacct.path, state_directory=str(state)))
        self.outputs = SlowOutputs(self.slurm.cli, clock)

    def start(self, since: str = "24 hours ago") -> HistorySource:
        wanted = History(since, ("user",))
        return HistorySource(
            self.outputs,
            Endpoint("history", "", source="cli", history=wanted),
            wanted,
            Keeper(self.slurm),
            wall=self.clock.wall,
            monotonic=self.clock,
        )


@pytest.fixture
def cluster(sacct: FakeSacct, tmp_path: Path, clock: Clock) -> Cluster:
    (tmp_path / "state").mkdir()
    return Cluster(sacct, tmp_path / "state", clock)


def told(source: HistorySource, family: str = "slurm_history_jobs_total") -> int:
    """The sum over all samples of a family after a poll."""
    found = {one.name: one for one in source.poll().families or ()}
    return sum(int(row[-1]) for row in found[family].rows) if family in found else 0


def test_what_ended_since_the_begin_is_counted_at_the_first_poll(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """In slices that grow while sacct is quick."""
    sacct.finish((n, BEGIN - 25 * HOUR + 600 * n, "COMPLETED") for n in range(150))

    assert told(cluster.start()) == 144
    assert sacct.asked[0] == (BEGIN - 24 * HOUR, BEGIN - 23 * HOUR)
    assert [end - begin for begin, end in sacct.asked] == [
        HOUR * hours for hours in (1, 2, 4, 8, 9)
    ]


def test_from_then_on_it_is_asked_once_for_what_is_new_and_a_little_more(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """Ten minutes, in which slurmdbd may have learned of what ended before."""
    source = cluster.start()
    source.poll()
    before = len(sacct.asked)
    for poll in range(1, 4):
        cluster.clock.now = BEGIN + 300 * poll
        source.poll()

    assert sacct.asked[before:] == [
        (BEGIN + 300 * poll - 900, BEGIN + 300 * poll) for poll in range(1, 4)
    ]


def test_a_job_that_slurmdbd_learns_of_late_is_counted_and_no_job_twice(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    source = cluster.start()
    sacct.finish([(1, BEGIN - 30, "COMPLETED")])
    assert told(source) == 1

    sacct.finish([(2, BEGIN - 20, "FAILED"), (3, BEGIN + 100, "COMPLETED")])
    cluster.clock.now += 300
    assert told(source) == 3
    cluster.clock.now += 300
    assert told(source) == 3


def test_a_restart_neither_counts_again_nor_forgets(sacct: FakeSacct, cluster: Cluster) -> None:
    """What ended while nobody looked is counted at the next start."""
    totals = []
    for start in range(5):
        sacct.finish(
            (10 * start + n, int(cluster.clock.now) - 100 + n, "COMPLETED") for n in range(10)
        )
        source = cluster.start()
        totals += [told(source), told(source, "slurm_history_user_jobs_total")]
        cluster.clock.now += 2 * HOUR

    assert totals == [10, 10, 20, 20, 30, 30, 40, 40, 50, 50]


def test_a_long_history_takes_several_polls_and_no_slice_is_asked_for_again(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """Half of a poll's time may be over for one slice more; what is done is written down."""
    cluster.outputs.per_hour = 4.0
    sacct.finish((n, BEGIN - 10 * HOUR + 60 * n, "COMPLETED") for n in range(600))
    polls, seen = 0, [0]
    while seen[-1] < 600:
        polls += 1
        seen.append(told(cluster.start("10 hours ago")))

    assert polls == 5
    assert seen == sorted(set(seen))
    starts = [begin for begin, _ in sacct.asked]
    assert starts == sorted(set(starts))


def test_too_long_a_slice_is_halved_until_it_is_short_enough(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """A huge history must not time out for ever."""
    cluster.outputs.per_hour = 30.0
    source = cluster.start("2 hours ago")
    with pytest.raises(PollTimeoutError, match="sacct took longer than 10 s"):
        source.poll()
    with pytest.raises(PollTimeoutError):
        source.poll()

    source.poll()
    assert sacct.asked == [(BEGIN - 2 * HOUR, BEGIN - 2 * HOUR + HOUR // 4)]


def test_a_slice_with_very_many_jobs_makes_the_next_one_shorter(
    sacct: FakeSacct, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is in memory while it is read."""
    monkeypatch.setattr(history, "_MUCH", 10_000)
    sacct.finish((n, BEGIN - 4 * HOUR + n, "COMPLETED") for n in range(3 * HOUR))
    source = cluster.start("5 hours ago")
    assert told(source) == 3 * HOUR

    spans = [end - begin for begin, end in sacct.asked]
    assert spans == [HOUR, 2 * HOUR, HOUR, HOUR // 2, HOUR // 2]


def test_slices_do_not_become_shorter_than_a_minute(sacct: FakeSacct, cluster: Cluster) -> None:
    """There, something else is wrong."""
    cluster.outputs.per_hour = 10_000.0
    source = cluster.start("1 hour ago")
    for _ in range(10):
        with pytest.raises(PollTimeoutError):
            source.poll()

    cluster.outputs.per_hour = 0.0
    source.poll()
    assert sacct.asked[0] == (BEGIN - HOUR, BEGIN - HOUR + 60)


@pytest.mark.parametrize("error", ["Slurm accounting storage is disabled", "Connection refused"])
def test_what_sacct_complains_of_is_the_polls_failure(
    sacct: FakeSacct, cluster: Cluster, error: str
) -> None:
    """And what was counted before stays counted."""
    source = cluster.start()
    sacct.finish([(1, BEGIN - 30, "COMPLETED")])
    source.poll()
    sacct.fail(error)
    cluster.clock.now += 300
    with pytest.raises(CommandError, match=rf"^sacct failed \(exit code 1\): {error}$"):
        source.poll()

    sacct.fail("")
    assert told(source) == 1


def test_what_ended_while_slurmdbd_was_away_counts_though_it_is_told_late(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """slurmdbd answers as soon as it is back, and learns of what it has missed bit by bit."""
    source = cluster.start()
    source.poll()
    sacct.fail("sacct: error: Connection refused")
    for _ in range(12):
        cluster.clock.now += 300
        with pytest.raises(CommandError):
            source.poll()

    sacct.fail("")
    cluster.clock.now += 300
    assert told(source) == 0
    sacct.finish((n, BEGIN + 290 * n, "COMPLETED") for n in range(1, 10))
    cluster.clock.now += 300
    assert told(source) == 9
    sacct.finish((n, BEGIN + 290 * n, "COMPLETED") for n in range(10, 13))
    cluster.clock.now += 299
    assert told(source) == 12


def test_what_slurmdbd_has_missed_is_asked_for_again_until_the_overlap_is_over(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """And no longer: the cost is that of the outage."""
    source = cluster.start()
    source.poll()
    sacct.fail("sacct: error: Connection refused")
    cluster.clock.now = outage = BEGIN + 300
    with pytest.raises(CommandError):
        source.poll()
    sacct.fail("")
    for poll in range(4):
        cluster.clock.now = outage + HOUR + 300 * poll
        source.poll()

    begins = [begin for begin, end in sacct.asked if end == int(outage + HOUR + 900)]
    assert begins == [outage + HOUR]


def test_an_answer_that_cannot_be_read_counts_nothing_and_is_asked_for_again(
    sacct: FakeSacct, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In shorter slices, for it may have been cut for its length."""
    sacct.finish([(1, BEGIN - 90 * 60, "COMPLETED"), (2, BEGIN - 30, "COMPLETED")])
    source = cluster.start("2 hours ago")

    def unreadable(text: str, mark: str) -> Table[Ended]:
        raise ParseError("sacct was cut")

    def ask(begin: int, end: int) -> Command[Ended]:
        return replace(ended_within(begin, end), parse=unreadable)

    with monkeypatch.context() as patch:
        patch.setattr(history, "ended_within", ask)
        with pytest.raises(ParseError):
            source.poll()
    assert told(source) == 2
    assert [end - begin for begin, end in sacct.asked] == [HOUR, HOUR // 2, HOUR, HOUR // 2]


def test_an_empty_history_says_how_far_it_has_looked(cluster: Cluster) -> None:
    """No job is no failure."""
    answer = cluster.start().poll()

    assert {f.name: list(f.rows) for f in answer.families or ()} == {
        "slurm_history_since_timestamp_seconds": [(str(BEGIN - 24 * HOUR),)],
        "slurm_history_until_timestamp_seconds": [(str(BEGIN),)],
        "slurm_history_state_saved": [("1",)],
    }
    assert answer.dropped == {}
    assert answer.source == "cli"


def clock_events(logs: Sequence[Mapping[str, object]]) -> list[object]:
    return [log["timestamp"] for log in logs if log["event"] == "history.clock_put_back"]


def test_a_clock_that_was_ahead_for_a_poll_stops_the_counting_for_minutes_only(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """A virtual machine was resumed, say; what ends while the clock is doubted is not lost."""
    source, seen = cluster.start(), []
    sacct.finish([(1, BEGIN - 30, "COMPLETED")])
    source.poll()
    cluster.clock.wrong = 10 * DAY
    source.poll()
    cluster.clock.wrong = 0

    with capture_logs() as logs:
        for poll in range(1, 8):
            cluster.clock.now += 300
            sacct.finish([(1 + poll, BEGIN + 300 * poll, "COMPLETED")])
            seen.append(told(source))

    assert seen == [1, 1, 1, 5, 6, 7, 8]
    assert clock_events(logs) == [BEGIN + 300]


def test_a_ledger_of_a_time_that_lies_ahead_is_gone_on_with(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """The clock was put back while nobody looked."""
    cluster.clock.wrong = 10 * DAY
    cluster.start("60 days ago").poll()
    cluster.clock.wrong = 0
    source = cluster.start("60 days ago")
    source.poll()
    sacct.finish([(1, BEGIN + 100, "COMPLETED")])
    cluster.clock.now += HOUR

    assert told(source) == 1


def test_a_clock_that_is_behind_for_a_while_doubles_nothing(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """As one may be after a boot, until somebody tells it the time."""
    sacct.finish([(1, BEGIN - DAY, "COMPLETED"), (2, BEGIN - 30, "COMPLETED")])
    cluster.start("60 days ago").poll()

    source = cluster.start("60 days ago")
    for wrong in (-5 * DAY, 0, -5 * DAY, 0):
        cluster.clock.wrong = wrong
        cluster.clock.now += 600
        assert told(source) == 2


def test_a_clock_before_the_begin_asks_nothing_however_long(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """A dead battery: nothing of what was counted is thrown away for it."""
    sacct.finish([(1, BEGIN - 30, "COMPLETED")])
    source = cluster.start()
    source.poll()
    before = len(sacct.asked)
    cluster.clock.wrong = -BEGIN
    for _ in range(5):
        cluster.clock.now += 600
        assert told(source) == 1

    assert len(sacct.asked) == before
    cluster.clock.wrong = 0
    assert told(source) == 1


def test_a_small_step_back_neither_loses_nor_doubles_and_is_not_worth_a_word(
    sacct: FakeSacct, cluster: Cluster
) -> None:
    """Clocks are put right by a second or two all the time."""
    source, seen = cluster.start(), []
    sacct.finish([(1, BEGIN - 1, "COMPLETED")])
    with capture_logs() as logs:
        for number, wrong in enumerate((0, -2, -1, 0, -30, 1), 2):
            cluster.clock.wrong = wrong
            seen.append(told(source))
            sacct.finish([(number, BEGIN, "COMPLETED")])

    assert seen == [1, 1, 1, 4, 4, 6]
    assert clock_events(logs) == []


def test_what_cannot_be_saved_can_be_alerted_on(cluster: Cluster, tmp_path: Path) -> None:
    source = cluster.start()
    saved = [told(source, "slurm_history_state_saved")]
    (tmp_path / "state").rename(tmp_path / "gone")
    cluster.clock.now += 300
    saved.append(told(source, "slurm_history_state_saved"))

    assert saved == [1, 0]


def test_a_begin_that_lies_ahead_asks_nothing_yet(sacct: FakeSacct, cluster: Cluster) -> None:
    source = cluster.start("2040-01-01T00:00:00Z")
    source.poll()

    assert sacct.asked == []


def test_a_poll_costs_what_is_new_and_not_what_there_is(
    sacct: FakeSacct, cluster: Cluster, tmp_path: Path
) -> None:
    """Neither bytes that are read, nor runs that are remembered, grow with the history."""
    sacct.finish((n, BEGIN - 20_000 + n, "COMPLETED") for n in range(20_000))
    source = cluster.start()
    assert told(source) == 20_000
    sizes, files = [], []
    for poll in range(1, 6):
        sacct.finish(
            (20_000 + 300 * poll + n, int(cluster.clock.now) + n, "COMPLETED") for n in range(300)
        )
        cluster.clock.now += 300
        sizes.append(source.poll().body_bytes)
        [file] = (tmp_path / "state").glob("*.json")
        files.append(file.stat().st_size)

    assert told(source) == 21_500
    assert max(sizes) - min(sizes) < 0.01 * max(sizes)
    assert max(files) - min(files) < 0.01 * max(files)
    assert max(files) < 40_000
