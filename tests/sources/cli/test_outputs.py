"""The answers of commands, shared by all who ask."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from slurm_exporter.config import Cli
from slurm_exporter.errors import (
    CommandError,
    EmptyError,
    ParseError,
    PollError,
    PollTimeoutError,
    TooLargeError,
)
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources.cli.command import Command, Table, fields, table
from slurm_exporter.sources.cli.commands.squeue import SQUEUE
from slurm_exporter.sources.cli.outputs import Output, Outputs
from tests.processes import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ManualClock
    from tests.fake_commands import FakeCommands


class House:
    """Outputs of the fake commands, on a clock of the test's own."""

    def __init__(self, commands: FakeCommands, clock: ManualClock, limit: int = 0) -> None:
        self.clock = clock
        self.outputs = Outputs(Cli(str(commands.path)), limit, monotonic=clock)

    def get(
        self, max_age: float = 30.0, command: Command[Any] = SQUEUE, seconds: float = 20.0
    ) -> Output[Any]:
        return self.outputs.get(command, max_age, seconds, Stopwatch())

    def error(self, **how: Any) -> PollError:
        with pytest.raises(PollError) as caught:
            self.get(**how)
        return caught.value


@pytest.fixture
def house(commands: FakeCommands, clock: ManualClock) -> House:
    return House(commands, clock)


# ------------------------------------------------------------------ one run for all


def test_an_answer_has_records_a_size_and_the_time_it_was_asked_for(house: House) -> None:
    output = house.get()
    assert output.asked == house.clock.now
    assert len(output.table.records) == 39
    assert output.size > 4096


def test_who_asks_soon_gets_the_same_answer(house: House, commands: FakeCommands) -> None:
    """As old as he bears it, and no older."""
    first = house.get()
    house.clock.advance(30.0)
    assert house.get(max_age=30.0) is first
    assert commands.runs == {"squeue": 1}

    assert house.get(max_age=29.0).asked == first.asked + 30.0
    assert commands.runs == {"squeue": 2}


def test_an_answer_that_took_long_is_young_for_long(clock: ManualClock) -> None:
    """So that the command runs for no more than its share of the time, however many ask."""
    outputs = SlowOutputs(clock, takes=5.0)
    for _ in range(100):
        outputs.get(SQUEUE, 18.0, 20.0, Stopwatch())
        clock.advance(5.0)
    assert outputs.runs * 5.0 / (100 * 5.0) <= 0.11

    outputs.takes = 0.1
    clock.advance(50.0)
    outputs.runs = 0
    for _ in range(10):
        outputs.get(SQUEUE, 18.0, 20.0, Stopwatch())
        clock.advance(20.0)
    assert outputs.runs == 10


def test_a_failure_that_took_long_is_no_older_than_one_bears(clock: ManualClock) -> None:
    """When slurmctld is back, it is seen at once."""
    outputs = SlowOutputs(clock, takes=5.0)
    outputs.error = CommandError("no")
    for _ in range(2):
        with pytest.raises(CommandError):
            outputs.get(SQUEUE, 18.0, 20.0, Stopwatch())
        clock.advance(19.0)
    assert outputs.runs == 2


class SlowOutputs(Outputs):
    """Outputs of an idle cluster, whose commands take time on the test's clock."""

    def __init__(self, clock: ManualClock, takes: float) -> None:
        super().__init__(Cli(), 0, max_duty_cycle=0.1, monotonic=clock)
        self.clock, self.takes, self.runs = clock, takes, 0
        self.error: PollError | None = None

    def run(self, command: Command[Any], mark: str, seconds: float) -> bytes:
        self.runs += 1
        self.clock.advance(min(self.takes, seconds))
        if self.takes > seconds:
            raise PollTimeoutError(f"{command} took longer than {seconds:g} s")
        if self.error:
            raise self.error
        return b""


def test_who_asks_meanwhile_waits_for_the_same_answer(
    house: House, commands: FakeCommands, tmp_path: Path
) -> None:
    """However many threads there are, the command runs once."""
    commands._tell("squeue", f"until test -e {tmp_path}/go; do sleep 0.01; done")
    answers: list[Output[Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(house.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: commands.runs["squeue"], "the first run")
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join(20)

    assert len(answers) == 8
    assert len(set(map(id, answers))) == 1
    assert commands.runs == {"squeue": 1}


def test_another_command_does_not_wait(house: House, commands: FakeCommands) -> None:
    """Each has its own turn."""
    commands.hang("squeue")
    hanging = threading.Thread(target=lambda: house.error(seconds=1.0))
    hanging.start()
    until(lambda: commands.runs["squeue"], "the command that hangs")
    other = Command("squeue", ("--help", "other"), lambda *_: Table(("x",)))
    commands.print("squeue-other", "text\n")

    assert house.get(command=other).table.records == ("x",)
    assert hanging.is_alive()
    hanging.join(20)


def test_the_same_text_is_not_read_again(house: House, commands: FakeCommands) -> None:
    """Though each run has a mark of its own; the answer is as new as its run."""
    first = house.get()
    house.clock.advance(60.0)
    again = house.get()
    assert again.table is first.table
    assert again.asked == first.asked + 60.0

    commands._tell("squeue", "print | sed 's/physics/biology/'; exit 0")
    house.clock.advance(60.0)
    assert house.get().digest != first.digest


def test_fetching_and_parsing_are_timed_for_who_runs_the_command(house: House) -> None:
    """The others only wait."""
    first, second = Stopwatch(), Stopwatch()
    house.outputs.get(SQUEUE, 30.0, 20.0, first)
    house.outputs.get(SQUEUE, 30.0, 20.0, second)
    assert (set(first.seconds), set(second.seconds)) == ({"fetch", "parse"}, {"fetch"})


# ------------------------------------------------------------------ failures


def test_a_failure_is_shared_as_an_answer_is(house: House, commands: FakeCommands) -> None:
    """A controller in trouble is not asked by each endpoint in turn."""
    commands.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller")
    first = house.error()
    house.clock.advance(30.0)
    second = house.error(max_age=30.0)
    assert (type(first), str(first)) == (type(second), str(second))
    assert first is not second  # each has a traceback of its own
    assert commands.runs == {"squeue": 1}

    commands.be_well("squeue")
    house.clock.advance(1.0)
    assert house.get(max_age=30.0).table.records


def test_a_good_answer_of_before_does_not_outlive_a_failure(
    house: House, commands: FakeCommands
) -> None:
    """It would look new."""
    house.get()
    commands.fail("squeue", "no")
    house.clock.advance(60.0)
    house.error()
    house.error()


@pytest.mark.parametrize(("code", "ending"), [(1, "exit code 1"), (255, "exit code 255")])
def test_a_failure_is_said_in_the_commands_own_words(
    house: House, commands: FakeCommands, code: int, ending: str
) -> None:
    """In one line: without munge the first misleads, and without slurm.conf only the last tells."""
    commands.fail("squeue", "error: Unable to contact\n\n fatal: no configuration", code)
    error = house.error()
    assert isinstance(error, CommandError)
    assert str(error) == (
        f"squeue failed ({ending}): error: Unable to contact; fatal: no configuration"
    )


def test_a_failure_may_be_said_on_standard_output_or_not_at_all(
    house: House, commands: FakeCommands
) -> None:
    """As scontrol does, and as a killed program does."""
    commands._tell("squeue", "echo Node nosuch not found; exit 1")
    assert str(house.error()) == "squeue failed (exit code 1): Node nosuch not found"

    commands._tell("squeue", "kill -9 $$")
    house.clock.advance(60.0)
    assert str(house.error()) == "squeue failed (signal 9)"


def test_words_of_a_failure_are_kept_short_and_are_text(
    house: House, commands: FakeCommands
) -> None:
    """Whatever bytes a program writes."""
    commands._tell("squeue", "printf '\\377%0999d' 1 >&2; exit 1")
    words = str(house.error())
    assert words.startswith("squeue failed (exit code 1): \ufffd000")
    assert len(words) < 600


def test_nothing_but_a_complaint_is_a_failure_whatever_the_exit_code(
    house: House, commands: FakeCommands
) -> None:
    """``squeue --user nosuchuser`` ends with 0."""
    commands.fail("squeue", "Invalid user: nosuchuser", code=0)
    error = house.error()
    assert isinstance(error, CommandError)
    assert str(error) == "squeue printed nothing: Invalid user: nosuchuser"


def test_a_complaint_beside_an_answer_is_none(house: House, commands: FakeCommands) -> None:
    commands.complain("squeue", "squeue: warning: something is deprecated")
    assert len(house.get().table.records) == 39


@pytest.mark.parametrize("text", ["", "\n"], ids=["nothing", "a line break"])
def test_an_idle_cluster_has_nothing_to_say(
    house: House, commands: FakeCommands, text: str
) -> None:
    """Which is a success where a healthy cluster may be idle, and nowhere else."""
    commands.print("squeue", text)
    assert house.get().table == Table(())

    other = replace(SQUEUE, arguments=("--all",), may_be_empty=False)
    error = house.error(command=other)
    assert isinstance(error, EmptyError)
    assert str(error) == "squeue printed nothing"


def test_a_command_that_is_not_there_is_named_with_the_place(
    house: House, tmp_path: Path, clock: ManualClock
) -> None:
    missing = Command("sprio", (), lambda *_: Table(()))
    assert str(house.error(command=missing)) == f"sprio is not in {tmp_path}/slurm/bin"

    own = Outputs(Cli(), 0, monotonic=clock)
    where = r"^nosuchcommand is not in PATH, and slurm\.cli\.path names no other directory$"
    with pytest.raises(CommandError, match=where):
        own.get(replace(missing, program="nosuchcommand"), 1.0, 1.0, Stopwatch())


def test_a_file_that_is_no_program_is_said_to_be_none(house: House, commands: FakeCommands) -> None:
    (commands.path / "squeue").write_bytes(b"\x7fELF, or not")
    error = house.error()
    assert isinstance(error, CommandError)
    assert str(error) == f"{commands.path}/squeue cannot be run: Exec format error"


def test_a_program_that_comes_later_is_found(house: House, commands: FakeCommands) -> None:
    """Slurm may be installed after we have started."""
    program = commands.path / "squeue"
    program.rename(commands.path / "away")
    house.error()
    (commands.path / "away").rename(program)
    house.clock.advance(60.0)
    assert house.get().table.records


def test_a_command_that_says_too_much_is_a_failure(
    commands: FakeCommands, clock: ManualClock
) -> None:
    """And the sentence names the setting."""
    error = House(commands, clock, limit=1000).error()
    assert isinstance(error, TooLargeError)
    assert str(error) == "squeue printed more than body_size_limit (1000 bytes)"


def test_half_an_answer_is_a_failure(house: House, commands: FakeCommands) -> None:
    """Though the command has ended well."""
    commands.halve("squeue")
    error = house.error()
    assert isinstance(error, ParseError)
    assert str(error).endswith("the output was cut")


# ------------------------------------------------------------------ time


def test_a_command_that_hangs_is_a_timeout_for_all(house: House, commands: FakeCommands) -> None:
    commands.hang("squeue")
    for _ in range(3):
        error = house.error(seconds=0.3)
        assert isinstance(error, PollTimeoutError)
        assert str(error) == "squeue took longer than 0.3 s"
    assert commands.runs == {"squeue": 1}


def test_nobody_waits_for_anothers_run_longer_than_he_may(
    house: House, commands: FakeCommands
) -> None:
    """The run goes on for who has more time."""
    commands.hang("squeue")
    patient = threading.Thread(target=lambda: house.error(seconds=3.0))
    patient.start()
    until(lambda: commands.runs["squeue"], "the run")
    began = time.monotonic()
    assert str(house.error(seconds=0.2)) == "squeue took longer than 0.2 s"
    assert time.monotonic() - began < 2
    assert patient.is_alive()
    patient.join(20)


def test_a_timeout_of_one_in_a_hurry_is_not_everybodys(clock: ManualClock) -> None:
    """Who has clearly more time tries anew; who has a little more does not."""
    outputs = SlowOutputs(clock, takes=5.0)
    for seconds in (2.0, 2.9):
        with pytest.raises(PollTimeoutError, match="squeue took longer than 2 s"):
            outputs.get(SQUEUE, 18.0, seconds, Stopwatch())
    assert outputs.runs == 1

    assert outputs.get(SQUEUE, 18.0, 20.0, Stopwatch()).took == 5.0
    assert outputs.get(SQUEUE, 18.0, 2.0, Stopwatch()).took == 5.0
    assert outputs.runs == 2


def test_who_has_no_time_left_runs_nothing_and_spoils_nothing(
    house: House, commands: FakeCommands
) -> None:
    """His failure is not shared; an answer that is there he may have."""
    assert str(house.error(seconds=0.0)) == "no time was left for squeue"
    assert commands.runs == {}
    output = house.get()
    assert house.get(seconds=0.0) is output


# ------------------------------------------------------------------ bugs and forgers


def test_a_bug_in_reading_leaves_no_answer_behind(house: House, commands: FakeCommands) -> None:
    """Neither an old one that would look new, nor a lock that nobody opens."""
    broken = [False]

    def read(text: str, mark: str) -> Table[Any]:
        if broken[0]:
            raise ZeroDivisionError
        return SQUEUE.parse(text, mark)

    command = replace(SQUEUE, parse=read)
    house.get(command=command)
    broken[0] = True
    commands._tell("squeue", "print | sed 's/physics/biology/'; exit 0")
    house.clock.advance(60.0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            house.get(command=command)
    broken[0] = False
    assert house.get(command=command).asked == house.clock.now


def test_a_user_cannot_forge_rows_with_the_mark_of_another_run(
    house: House, commands: FakeCommands
) -> None:
    """He knows how rows look, and every mark there ever was."""
    row = "1\x1fx\ntext"
    commands.print("squeue-forged", f"{row}\x1e01234567\n2\x1fforged\x1e01234567\nMARK\n")
    command = Command(
        "squeue",
        ("--format={mark}", "forged"),
        lambda text, mark: table(fields(text, mark, 2), tuple),
    )
    ((number, name),) = house.get(command=command).table.records
    assert number == "1"
    assert "forged" in name


def test_bytes_that_are_no_text_do_not_cost_the_answer(
    house: House, commands: FakeCommands
) -> None:
    """A user's locale is his own."""
    commands._tell("squeue", "print | sed 's/physics/\\xff/'; exit 0")
    accounts = {job.account for job in house.get().table.records}
    assert "\ufffd" in accounts
