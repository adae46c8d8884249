"""What we show to be let in."""

from __future__ import annotations

import base64
import re
import threading
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import Authorization, Login, Slurm
from slurm_exporter.errors import AuthError
from slurm_exporter.sources.credentials import (
    Credentials,
    TokenCommand,
    TokenCredentials,
    TokenFile,
    credentials,
)
from tests.sources.jwt import make_token

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ManualClock

FIRST, SECOND = make_token(exp=2000, sun="alice"), make_token(exp=3000, sun="alice")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of tokens, with one in it."""
    path = tmp_path / "token"
    path.write_text(f"{FIRST}\n")
    return path


class Printer:
    """A command that prints what it is told to and counts its runs."""

    def __init__(self, directory: Path) -> None:
        self._output, self._runs = directory / "output", directory / "runs"
        self._runs.write_text("")
        script = 'echo >> "$1"; cat "$2"'
        self.command = ("sh", "-c", script, "sh", str(self._runs), str(self._output))

    def prints(self, text: str) -> None:
        self._output.write_text(text)

    def fails(self) -> None:
        self._output.unlink()

    @property
    def runs(self) -> int:
        return self._runs.read_text().count("\n")


@pytest.fixture
def printer(tmp_path: Path) -> Printer:
    printer = Printer(tmp_path)
    printer.prints(f"SLURM_JWT={FIRST}\n")
    return printer


@pytest.fixture
def commanded(printer: Printer, clock: ManualClock) -> TokenCredentials:
    """Credentials from a command; it is 1000 s after 1970, 1000 s before the token expires."""
    return TokenCredentials(TokenCommand(printer.command, wall=clock))


def test_without_authorization_there_is_nothing_to_show() -> None:
    """And a refusal says how to change that."""
    shown = credentials(Slurm())

    assert type(shown) is Credentials
    assert shown.headers(1.0) == shown.headers(1.0, refused={}) == {}
    assert shown.expires is None
    assert "slurm.authorization gives it one" in shown.refusal(401)


def test_the_user_goes_with_the_token(file: Path) -> None:
    """For a token of SlurmUser, which is good for everybody."""
    shown = credentials(Slurm(authorization=Authorization(str(file)), user="alice"))

    assert shown.headers(1.0) == bearer(FIRST) | {"X-SLURM-USER-NAME": "alice"}


# ------------------------------------------------------------------ a file


def test_a_changed_file_is_a_changed_token(file: Path) -> None:
    """However it was changed, and its expiry with it."""
    shown = credentials(Slurm(authorization=Authorization(str(file))))
    assert (shown.headers(1.0), shown.expires) == (bearer(FIRST), 2000)

    file.write_text(f"SLURM_JWT={SECOND}\n")
    assert (shown.headers(1.0), shown.expires) == (bearer(SECOND), 3000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is empty"),
        ("hunter2 hunter2", "holds no token"),
    ],
)
def test_a_file_without_a_token_is_named_and_its_content_is_not(
    file: Path, content: str | None, words: str
) -> None:
    """The old token is not used any longer, and the next one is taken as soon as it is there."""
    shown = TokenCredentials(TokenFile(str(file)))
    shown.headers(1.0)
    file.unlink()
    if content is not None:
        file.write_text(content)

    with pytest.raises(AuthError, match=f"^{file} {words}") as caught:
        shown.headers(1.0)
    assert "hunter2" not in str(caught.value)
    assert shown.expires is None

    file.write_text(SECOND)
    assert shown.headers(1.0) == bearer(SECOND)


# ------------------------------------------------------------------ a command


def test_a_command_is_run_once_for_all_until_its_token_nears_its_end(
    commanded: TokenCredentials, printer: Printer, clock: ManualClock
) -> None:
    """The next token is there while the last one is still good."""
    assert [commanded.headers(10.0) for _ in range(3)] == [bearer(FIRST)] * 3
    clock.advance(799)
    assert commanded.headers(10.0) == bearer(FIRST)
    assert (printer.runs, commanded.expires) == (1, 2000)

    printer.prints(SECOND)
    clock.advance(1)
    assert commanded.headers(10.0) == bearer(SECOND)
    assert (printer.runs, commanded.expires) == (2, 3000)


def test_many_endpoints_at_once_share_one_run(
    commanded: TokenCredentials, printer: Printer
) -> None:
    """Who comes second waits for the first one's token."""
    shown: list[dict[str, str]] = []
    threads = [
        threading.Thread(target=lambda: shown.append(commanded.headers(20.0))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert shown == [bearer(FIRST)] * 5
    assert printer.runs == 1


def test_nobody_waits_for_another_ones_run_longer_than_for_his_own(
    commanded: TokenCredentials,
) -> None:
    """A poll has one deadline."""
    with commanded._lock, pytest.raises(AuthError, match=r"token_command took longer than 0\.05 s"):
        commanded.headers(0.1)


def test_a_token_without_expiry_is_kept_until_it_is_refused(
    commanded: TokenCredentials, printer: Printer, clock: ManualClock
) -> None:
    """One that was replaced in the meantime is not fetched again."""
    printer.prints("opaque")
    refused = commanded.headers(10.0)
    clock.advance(1500)
    assert commanded.headers(10.0) == refused
    assert commanded.expires is None

    printer.prints(SECOND)
    assert commanded.headers(10.0, refused=refused) == bearer(SECOND)
    assert commanded.headers(10.0, refused=refused) == bearer(SECOND)
    assert printer.runs == 2


def test_a_token_that_cannot_be_renewed_serves_until_it_expires(
    commanded: TokenCredentials, printer: Printer, clock: ManualClock
) -> None:
    """The command is not run at every poll meanwhile; afterwards it is."""
    commanded.headers(10.0)
    printer.fails()
    clock.advance(900)
    assert [commanded.headers(10.0) for _ in range(3)] == [bearer(FIRST)] * 3
    assert (printer.runs, commanded.expires) == (2, 2000)

    clock.advance(100)
    with pytest.raises(AuthError, match=r"token_command failed \(exit code 1\); run it by hand"):
        commanded.headers(10.0)
    assert commanded.expires is None

    printer.prints(SECOND)
    assert commanded.headers(10.0) == bearer(SECOND)


def test_a_refused_token_is_not_shown_again_when_no_other_can_be_made(
    commanded: TokenCredentials, printer: Printer
) -> None:
    """However long it might have been good."""
    refused = commanded.headers(10.0)
    printer.prints("")

    with pytest.raises(AuthError, match=r"^slurm.authorization.token_command is empty"):
        commanded.headers(10.0, refused=refused)


# ------------------------------------------------------------------ a password for a proxy


def basic(pair: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def test_a_password_of_the_config_is_shown() -> None:
    """Whatever letters it is made of; it expires for nobody to know."""
    shown = credentials(Slurm(basic_auth=Login("admin", "gehéim: 1")))

    assert shown.headers(1.0) == basic("admin:gehéim: 1")
    assert shown.expires is None


def test_a_password_file_is_read_for_each_poll(file: Path) -> None:
    """Without the space at its end, as Prometheus does it."""
    shown = credentials(Slurm(basic_auth=Login("admin", password_file=str(file))))
    file.write_text("old\n")
    assert shown.headers(1.0) == basic("admin:old")

    file.write_text("new word \r\n")
    assert shown.headers(1.0) == basic("admin:new word")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        (b" \n", "is empty"),
        (b"hunter2\xff", "is not UTF-8 text"),
    ],
)
def test_a_file_without_a_password_is_named(file: Path, content: bytes | None, words: str) -> None:
    """Not what is in it."""
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(AuthError, match=f"^{file} {words}$"):
        credentials(Slurm(basic_auth=Login("admin", password_file=str(file)))).headers(1.0)


def test_a_refused_password_is_told_from_a_user_without_rights() -> None:
    """Neither is slurmctld's doing."""
    shown = credentials(Slurm(basic_auth=Login("admin", "x")))

    assert shown.refusal(401) == "the user or the password of slurm.basic_auth is wrong"
    assert shown.refusal(403) == "the user of slurm.basic_auth may not ask for this"


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("expires", "status", "words"),
    [
        (None, 403, "knows the token's user, whom MetricsAuthUsers does not name"),
        (None, 401, r"refuses the token from \S+/token; SlurmctldHttpAuthParameters in slurm.conf"),
        (2000, 401, r"the token from \S+/token has expired"),
        (10**10, 401, "refuses the token"),
    ],
)
def test_a_refusal_says_what_is_most_likely_wrong(
    file: Path, expires: int | None, status: int, words: str
) -> None:
    """Slurm's own documentation does not name the setting that is missing most often."""
    file.write_text(make_token(exp=expires))
    shown = TokenCredentials(TokenFile(str(file)))
    shown.headers(1.0)

    assert re.search(words, shown.refusal(status))
