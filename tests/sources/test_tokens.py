"""What a token looks like, and the command that makes one."""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path

import pytest

from slurm_exporter.sources.tokens import LONGEST, expiry, read_token, run
from tests.processes import until
from tests.sources.jwt import make_token

TOKEN = make_token(exp=1795231318, iat=1795230718, sun="alice")


@pytest.mark.parametrize(
    "content", [TOKEN, f"{TOKEN}\n", f"SLURM_JWT={TOKEN}\n", f" {TOKEN} \r\n"], ids=repr
)
def test_a_token_is_bare_or_as_scontrol_prints_it(content: str) -> None:
    """With any space around it."""
    assert read_token(content.encode()) == TOKEN


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"hunter2 hunter2", "holds no token"),
        (b"SLURM_JWT=", "holds no token"),
        (b"hunter2\nhunter2\n", "holds no token"),
        (b"hunter2\r\nX-Other: 1", "holds no token"),
        (b"hunter2\x00", "holds no token"),
        (b"hunter2\xff", "holds no token"),
        (b"x" * (LONGEST + 1), "holds no token"),
    ],
)
def test_what_is_no_token_is_said_but_not_shown(content: bytes, words: str) -> None:
    """Nothing that could end a header or begin another one passes."""
    with pytest.raises(ValueError, match=words) as caught:
        read_token(content)
    assert "hunter2" not in str(caught.value)


def test_the_expiry_is_the_tokens_own() -> None:
    """A token of slurmctld 26.05 has whole seconds; the standard allows fractions."""
    assert expiry(TOKEN) == 1795231318
    assert expiry(make_token(exp=1795231318.5)) == 1795231318.5


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b.c",
        "a.b",
        make_token(),
        make_token(exp=None),
        make_token(exp="soon"),
        make_token(exp=float("nan")),
        make_token(exp=float("inf")),
        make_token(exp=10**400),
        "a." + base64.urlsafe_b64encode(b"[1]").decode() + ".c",
        "a." + base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".c",
        "a." + base64.urlsafe_b64encode(b"\xff\xfe").decode() + ".c",
    ],
)
def test_a_token_that_does_not_say_when_it_expires_has_no_expiry(token: str) -> None:
    """Whatever it is made of."""
    assert expiry(token) is None


# ------------------------------------------------------------------ commands


def test_a_commands_output_comes_back_and_its_complaints_do_not() -> None:
    """No shell has a say in it."""
    script = "import sys; print(sys.argv[1]); print('hunter2', file=sys.stderr)"

    assert run([sys.executable, "-c", script, "$HOME; *"], 10.0) == b"$HOME; *\n"


@pytest.mark.parametrize(
    ("command", "seconds", "words"),
    [
        (["/nonexistent/scontrol"], 10.0, "cannot be run: /nonexistent/scontrol: No such file"),
        (["sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"], 10.0, r"failed \(exit code 3\)"),
        (["sh", "-c", "kill -9 $$"], 10.0, r"failed \(signal 9\)"),
        (["sleep", "600"], 0.2, "took longer than 0.2 s"),
        (["sh", "-c", "exec >&-; exec sleep 600"], 0.5, "took longer than 0.5 s"),
        (["yes", "hunter2"], 10.0, "prints more than a token"),
    ],
)
def test_a_command_that_brings_nothing_says_why(
    command: list[str], seconds: float, words: str
) -> None:
    """And nothing of what it printed."""
    began = time.monotonic()
    with pytest.raises(ValueError, match=words) as caught:
        run(command, seconds)
    assert "hunter2" not in str(caught.value)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("last", ["wait", "exit"])
def test_what_a_command_started_ends_with_it(tmp_path: Path, last: str) -> None:
    """One that hangs on to our pipe cannot outlive the deadline, nor one that lets go of it."""
    pid = tmp_path / "pid"
    silent = ">/dev/null" if last == "exit" else ""
    script = f"sleep 600 {silent} & echo $! > {pid}; {last}"
    if last == "wait":
        with pytest.raises(ValueError, match="took longer"):
            run(["sh", "-c", script], 0.5)
    else:
        run(["sh", "-c", script], 10.0)

    child = Path(f"/proc/{pid.read_text().strip()}/stat")
    until(lambda: not child.exists() or ") Z " in child.read_text(), "the child to end")
