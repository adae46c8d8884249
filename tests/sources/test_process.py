"""Other programs: what comes of them, and that nothing is left of them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources import process
from slurm_exporter.sources.process import TooMuchError, TooSlowError, run
from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 20.0
"""Seconds that none of these programs takes, unless something is wrong."""


def shell(script: str, seconds: float = LONG, limit: int = 1 << 20) -> process.Finished:
    return run(["sh", "-c", script], seconds, limit=limit)


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has looked at its exit code yet."""
    stat = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        return ") Z " in stat.read_text()
    return True


def test_what_a_program_says_on_both_streams_comes_back() -> None:
    """With its exit code, and without a shell that would have a say in its arguments."""
    script = "import sys; print(sys.argv[1]); print('hm', file=sys.stderr); sys.exit(3)"
    finished = run([sys.executable, "-c", script, "$HOME; *"], LONG, limit=100)

    assert finished == process.Finished(3, b"$HOME; *\n", b"hm\n")


def test_a_program_gets_no_input_and_the_environment_it_is_given() -> None:
    """Nobody is there to answer what it asks."""
    finished = run(["/bin/cat"], LONG, limit=100)
    assert (finished.code, finished.output) == (0, b"")

    assert run(["/usr/bin/env"], LONG, limit=100, environment={"A": "b c"}).output == b"A=b c\n"


def test_a_program_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        run(["/nonexistent/squeue"], LONG, limit=100)


@pytest.mark.parametrize(
    ("code", "words"), [(1, "exit code 1"), (255, "exit code 255"), (-9, "signal 9")]
)
def test_an_ending_has_words(code: int, words: str) -> None:
    assert process.ending(code) == words


def test_a_signal_ends_a_program_with_a_negative_code() -> None:
    assert shell("kill -TERM $$").code == -15


# ------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    "script",
    [
        "sleep 600",
        "exec >&- 2>&-; sleep 600",
        "while :; do echo drip; sleep 0.01; done",
        "yes",
        "yes >&2",
    ],
    ids=["silent", "deaf", "dripping", "flooding", "complaining"],
)
def test_the_deadline_holds_whatever_a_program_does(script: str) -> None:
    """One that never stops writing is not waited for either."""
    began = time.monotonic()
    with pytest.raises(TooSlowError):
        shell(script, 0.4, limit=sys.maxsize)

    assert time.monotonic() - began < 5


def test_a_program_that_says_too_much_is_not_heard_to_its_end() -> None:
    """As much as the limit is fine."""
    assert len(shell("printf %1000d 1", limit=1000).output) == 1000
    with pytest.raises(TooMuchError):
        shell("printf %1001d 1", limit=1000)
    with pytest.raises(TooMuchError):
        shell("yes", limit=1000)


def test_only_the_begin_of_complaints_is_kept() -> None:
    """However long they are, the program is never kept waiting and its output is whole."""
    flood = "import sys; sys.stderr.write('first ' + 'x' * 5_000_000); print('done')"
    finished = run([sys.executable, "-c", flood], LONG, limit=100)

    assert (finished.code, finished.output) == (0, b"done\n")
    assert finished.errors.startswith(b"first xxx")
    assert len(finished.errors) == 4096


def test_complaints_after_the_output_are_heard_too() -> None:
    """A program may close its output before it ends."""
    finished = shell("echo out; exec >&-; sleep 0.2; echo late >&2; exit 4")

    assert finished == process.Finished(4, b"out\n", b"late\n")


def test_complaints_are_not_waited_for() -> None:
    """What a program leaves behind may hold the stream open, and even go on writing to it."""
    assert shell("sleep 600 >/dev/null & echo hm >&2").errors == b"hm\n"
    assert shell("yes >&2 >/dev/null & yes >/dev/null & echo done").output == b"done\n"


def test_a_program_that_has_ended_is_not_waited_for() -> None:
    """Though a child of its own still holds its output, and perhaps writes to it."""
    for child in ("sleep 600", "while :; do echo drip; sleep 0.01; done", "yes"):
        finished = shell(f"echo first; {child} & exit 3", limit=sys.maxsize)
        assert finished.code == 3
        assert finished.output.startswith(b"first\n")


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 3_000_000])
def test_all_that_a_program_wrote_before_its_end_is_heard(size: int) -> None:
    """However much, and whoever still holds the stream."""
    for _ in range(10):
        finished = shell(f"sleep 600 & head -c {size} /dev/zero; exit 0", limit=sys.maxsize)
        assert len(finished.output) == size


# ------------------------------------------------------------------ nothing is left


@pytest.fixture
def family(tmp_path: Path) -> Iterator[str]:
    """A script that starts a child and a grandchild and notes the numbers of all three."""
    yield (
        f"echo $$ >> {tmp_path}/pids; "
        f"sh -c 'echo $$ >> {tmp_path}/pids; sleep 600 & echo $! >> {tmp_path}/pids; "
        f"touch {tmp_path}/there; wait' & until test -e {tmp_path}/there; do sleep 0.01; done; "
    )
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        until(lambda pid=pid: gone(pid), f"{pid} to end")


def test_all_that_a_slow_program_started_ends_with_it(family: str) -> None:
    """Children and grandchildren, whether or not they hold on to our pipes."""
    with pytest.raises(TooSlowError):
        shell(family + "wait", 1.0)


def test_all_that_a_program_left_behind_ends_with_it(family: str) -> None:
    """Though it was not waited for."""
    assert shell(f"( {family} ) >/dev/null; exit 5").code == 5


def test_all_that_a_chatty_program_started_ends_with_it(family: str) -> None:
    with pytest.raises(TooMuchError):
        shell(family + "yes", limit=1000)


def test_another_thread_can_end_all_programs(family: str, tmp_path: Path) -> None:
    """When the exporter stops; who waits for one learns of its end at once."""
    finished: list[process.Finished] = []
    thread = threading.Thread(target=lambda: finished.append(shell(family + "wait")))
    thread.start()
    until((tmp_path / "there").exists, "the program to run")
    process.end_all()
    thread.join(LONG / 2)

    assert [one.code for one in finished] == [-9]
    process.end_all()  # nobody is there any more, which is no error


def test_a_program_that_cannot_be_killed_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that became root, or sleeps in the kernel; when it ends after all nothing is left."""
    before = left_by_us()
    with monkeypatch.context() as patched:
        patched.setattr(os, "killpg", refused)
        began = time.monotonic()
        with pytest.raises(TooSlowError):
            shell(f"echo $$ > {tmp_path}/pid; exec sleep 600", 0.3)
        assert time.monotonic() - began < 5
    pid = int((tmp_path / "pid").read_text())
    assert not gone(pid)
    assert left_by_us()[0] == before[0]

    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid), "its end")
    shell("exit 0")
    assert left_by_us() == before


def test_programs_that_cannot_be_killed_do_not_become_ever_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some are left, then none is started until one of them has ended."""
    monkeypatch.setattr(process, "_FAREWELL", 0.0)
    monkeypatch.setattr(process, "_MANY", 2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "killpg", refused)
        for _ in range(2):
            with pytest.raises(TooSlowError):
                shell(f"echo $$ >> {tmp_path}/pids; exec sleep 600", 0.3)
    with pytest.raises(OSError, match="2 programs that cannot be killed are still there"):
        shell("exit 0")

    first, second = map(int, (tmp_path / "pids").read_text().split())
    os.kill(first, signal.SIGKILL)
    until(lambda: gone(first), "its end")
    assert shell("exit 3").code == 3
    os.kill(second, signal.SIGKILL)
    until(lambda: gone(second), "its end")


def refused(group: int, number: int) -> None:
    raise PermissionError(1, "Operation not permitted", f"{group} {number}")


def left_by_us() -> tuple[set[str], set[str]]:
    """Our open files, and the processes that this thread has started and that are still known."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return set(Path("/proc/self/fd").iterdir()), set(children.read_text().split())


def test_no_process_and_no_open_file_stays_behind() -> None:
    """Whatever the end."""
    shell("exit 0")  # what Python opens once and keeps
    before = left_by_us()
    for script, seconds in (("exit 1", LONG), ("sleep 600", 0.1), ("yes", LONG)):
        with contextlib.suppress(TooSlowError, TooMuchError):
            shell(script, seconds, limit=10)

    assert left_by_us() == before
