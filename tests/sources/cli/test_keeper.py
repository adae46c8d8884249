"""A ledger outlives us, whole, whenever we are killed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from slurm_exporter.config import Cli, History, Slurm
from slurm_exporter.errors import CommandError
from slurm_exporter.sources.cli import keeper as module
from slurm_exporter.sources.cli.keeper import Keeper
from slurm_exporter.sources.cli.records import Ended

if TYPE_CHECKING:
    from pathlib import Path

HISTORY = History("1 hour ago")
RUN = Ended(1, 1, "COMPLETED", "batch", "alice", "physics", 9_950, 7, 60, 240, 0)
KEY = ("batch", "completed")
NOW = 10_000.0


@pytest.fixture(autouse=True)
def _no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE_DIRECTORY", "SLURM_CONF", "SLURM_CONF_SERVER"):
        monkeypatch.delenv(name, raising=False)


def keeper(directory: Path | None, url: str = "http://ctl:6817") -> Keeper:
    """One of a process that has just started."""
    path = None if directory is None else str(directory)
    return Keeper(Slurm(urls=(url,), cli=Cli(state_directory=path)))


def files(directory: Path) -> list[Path]:
    """What is kept there, and what was left there by accident."""
    return [file for file in directory.iterdir() if file.suffix != ".lock"]


def counted(directory: Path | None, history: History = HISTORY) -> int:
    """What a new process goes on with."""
    totals = keeper(directory).ledger(history, NOW).totals
    return totals.get("partition", {}).get(KEY, {}).get("jobs_total", 0)


def count_one(one: Keeper, run: int = 1) -> None:
    ledger = one.ledger(HISTORY, NOW)
    ledger.add([RUN._replace(id=run)], 9_900, 10_000, 9_940)
    one.save()


def test_a_restart_goes_on_where_the_last_process_was(tmp_path: Path) -> None:
    """A span is counted from the first begin, or no total would ever be a counter."""
    first = keeper(tmp_path)
    count_one(first)
    before = first.ledger(HISTORY, NOW)
    del first

    again = keeper(tmp_path).ledger(HISTORY, NOW + 5_000)

    assert again == before
    assert again.since == 6_400


def test_the_file_is_nobody_elses_to_read(tmp_path: Path) -> None:
    """It has the names of users."""
    count_one(keeper(tmp_path))

    [file] = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.name.startswith("history-")


def test_each_cluster_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several exporters may share a directory; with commands alone, few name a URL."""
    cli = Cli(state_directory=str(tmp_path))
    count_one(Keeper(Slurm(cli=cli)))
    count_one(Keeper(Slurm(urls=("http://other:6817",), cli=cli)))
    count_one(Keeper(Slurm(cli=replace(cli, path="/opt/other/bin"))))
    monkeypatch.setenv("SLURM_CONF", "/etc/other/slurm.conf")
    count_one(Keeper(Slurm(cli=cli)))
    monkeypatch.setenv("SLURM_CONF_SERVER", "other")
    count_one(Keeper(Slurm(cli=cli)))

    assert len(files(tmp_path)) == 5


def test_a_file_that_another_exporter_has_is_left_alone(tmp_path: Path) -> None:
    """The last to write would win; as soon as the other has ended, it is ours."""
    first = keeper(tmp_path)
    count_one(first)
    [file] = files(tmp_path)
    lock = file.with_suffix(".lock")
    second = keeper(tmp_path)
    for _ in range(2):
        with pytest.raises(CommandError, match=f"{file} is in use: another exporter holds {lock}"):
            second.ledger(HISTORY, NOW)

    count_one(first, 2)
    del first
    count_one(second, 3)
    del second
    assert counted(tmp_path) == 3


def test_a_file_system_that_cannot_lock_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some that are shared over a network cannot."""

    def unable(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unable)
    count_one(keeper(tmp_path))

    assert counted(tmp_path) == 1


def test_a_reload_keeps_the_file_unless_the_cluster_is_another(tmp_path: Path) -> None:
    """The old keeper's thread may still be in a poll."""
    slurm = Slurm(cli=Cli(state_directory=str(tmp_path)))
    one = Keeper(slurm)
    count_one(one)
    assert one.reconfigured(replace(slurm, timeout=9.0)) is one

    other = one.reconfigured(replace(slurm, urls=("http://other:6817",)))
    assert other.ledger(HISTORY, NOW).totals == {}
    del one
    assert other.reconfigured(slurm).ledger(HISTORY, NOW).totals


def test_without_a_directory_it_begins_anew_and_says_so() -> None:
    with capture_logs() as logs:
        count_one(keeper(None))
        assert counted(None) == 0
        assert not keeper(None).saved

    assert logs[0]["event"] == "history.not_kept"
    assert logs[0]["log_level"] == "warning"
    assert logs[0]["why"] == "slurm.cli.state_directory is not set"


def test_who_only_looks_uses_no_file_and_says_nothing_of_it(tmp_path: Path) -> None:
    """Nor is he kept from looking by who has the file."""
    service = keeper(tmp_path)
    count_one(service)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    with capture_logs() as logs:
        count_one(Keeper(Slurm(cli=Cli(state_directory=str(tmp_path))), keeps=False))
    assert [log["event"] for log in logs] == ["history.begun"]
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_systemds_directory_is_taken_when_the_config_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one, if the service has several."""
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/nonexistent")
    count_one(keeper(None))

    assert counted(None) == 1
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "other", [History("2 hours ago"), History("1 hour ago", ("account",))], ids=["since", "by"]
)
def test_another_question_begins_another_history(tmp_path: Path, other: History) -> None:
    """Told in the log, since the totals fall."""
    count_one(keeper(tmp_path))

    with capture_logs() as logs:
        assert counted(tmp_path, other) == 0
    assert [(log["event"], log["why"]) for log in logs] == [
        ("history.begun", "the config wants something else than before")
    ]


def test_what_was_begun_while_the_clock_was_ahead_begins_anew(tmp_path: Path) -> None:
    """It would count nothing until then; but a clock that is behind throws nothing away."""
    one = keeper(tmp_path)
    assert one.ledger(HISTORY, NOW + 864_000).since == 870_400

    with capture_logs() as logs:
        assert one.ledger(HISTORY, NOW).since == 6_400
    assert [log["why"] for log in logs] == ["the clock was ahead when it was begun"]
    count_one(one)
    assert one.ledger(HISTORY, 5.0).since == 6_400


def test_a_begin_that_the_config_wants_may_lie_ahead() -> None:
    """The clock is behind then, and what is older must not be counted."""
    wanted = History("2000-01-01T00:00:00Z")
    assert keeper(None).ledger(wanted, NOW).since == 946_684_800


def test_a_reload_that_asks_the_same_goes_on_without_a_file() -> None:
    """And one that asks something else does not."""
    one = keeper(None)
    count_one(one)

    assert one.ledger(History("1 hour ago", overlap=5.0), NOW).totals
    assert one.ledger(History("2 hours ago"), NOW).totals == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1, 2]",
        b'{"version": 2}',
        b"[" * 100_000,
        b'{"version":1,"asked":"x","by":[],"since":1,"settled":1,"until":1,"totals":{},"seen":[]}',
    ],
    ids=["empty", "cut", "binary", "foreign", "newer", "deep", "another-cluster"],
)
def test_a_file_that_cannot_be_used_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """Somebody may want to look at it."""
    count_one(keeper(tmp_path))
    [file] = files(tmp_path)
    file.write_bytes(content)

    with capture_logs() as logs:
        count_one(keeper(tmp_path))

    assert logs[0]["event"] == "history.set_aside"
    assert logs[0]["file"] == str(file)
    assert file.with_suffix(".broken").read_bytes() == content
    assert counted(tmp_path) == 1


def test_a_file_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    """The totals would begin anew, and overwrite the old ones."""
    count_one(keeper(tmp_path))
    [file] = files(tmp_path)
    file.unlink()
    file.mkdir()

    with pytest.raises(CommandError, match=f"cannot read {file}: Is a directory"):
        keeper(tmp_path).ledger(HISTORY, NOW)


def test_what_cannot_be_saved_is_counted_all_the_same_and_said_once(tmp_path: Path) -> None:
    """And again after it could be."""
    directory = tmp_path / "state"
    one = keeper(directory)
    saved = []

    with capture_logs() as logs:
        for run in (1, 2):
            count_one(one, run)
            saved.append(one.saved)
        directory.mkdir()
        one.save()
    assert [*saved, one.saved] == [False, False, True]
    assert [log["event"] for log in logs] == ["history.begun", "history.not_saved"]
    assert "No such file or directory" in logs[1]["error"]
    del one
    assert counted(directory) == 2


def test_before_anything_was_counted_there_is_nothing_to_save(tmp_path: Path) -> None:
    keeper(tmp_path).save()

    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """The end of the process: nothing is caught, cleaned up or closed."""


STEPS = ("tempfile.mkstemp", "os.open", "json.dump", "os.fsync", "os.replace", "os.close")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_in_any_step_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    """And the next process removes what lies about."""
    one = keeper(tmp_path)
    count_one(one)
    package, _, name = step.partition(".")
    owner = getattr(module, package)
    real = getattr(owner, name)

    def kill(*args: object, **kwargs: object) -> None:
        if after:
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, kill)
        with pytest.raises(Killed):
            count_one(one, 2)
    del one

    replaced = step == "os.close" or (step == "os.replace" and after)
    assert counted(tmp_path) == (2 if replaced else 1)
    assert [file.suffix for file in files(tmp_path)] == [".json"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    one = keeper(tmp_path)
    count_one(one)
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(os, "fsync", full)
        count_one(one, 2)

    del one
    assert "No space left on device" in logs[0]["error"]
    assert len(files(tmp_path)) == 1
    assert counted(tmp_path) == 1


def test_the_file_says_whose_it_is(tmp_path: Path) -> None:
    """For people who find several."""
    count_one(keeper(tmp_path))

    [file] = files(tmp_path)
    assert json.loads(file.read_text())["cluster"]["urls"] == ["http://ctl:6817"]
