"""Basic authentication: who is let in, what is remembered, and what it costs."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import TYPE_CHECKING

import bcrypt
import pytest

from slurm_exporter.config import BasicAuth
from slurm_exporter.web import auth
from slurm_exporter.web.auth import CHALLENGE, Authenticator, Queue

if TYPE_CHECKING:
    from tests.conftest import ManualClock

PASSWORDS = {"admin": "secret", "jürgen": "пароль:with:colons", "space": " "}
COST = 4
"""The lowest that bcrypt knows; tests need no more."""


def basic(name: str, password: str, scheme: str = "Basic") -> str:
    """What a client sends."""
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return f"{scheme} {token}"


def hashed(password: str, cost: int = COST) -> str:
    """What the operator keeps."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


PLAIN = BasicAuth(tuple(PASSWORDS.items()))
HASHED = BasicAuth(tuple((name, hashed(word)) for name, word in PASSWORDS.items()), hashed=True)

both = pytest.mark.parametrize("config", [PLAIN, HASHED], ids=["plain", "bcrypt"])


@both
@pytest.mark.parametrize("name", PASSWORDS)
def test_known_user_with_his_password_is_let_in(config: BasicAuth, name: str):
    """Also with letters outside ASCII, which travel as UTF-8, and with colons in the password."""
    assert Authenticator(config).check(basic(name, PASSWORDS[name]))


@both
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("admin", "Secret"),
        ("admin", "secret "),
        ("admin", "secret\0"),
        ("admin", ""),
        ("admin", "пароль:with:colons"),
        ("Admin", "secret"),
        ("nobody", "secret"),
        ("nobody", ""),
        ("", ""),
        ("", "secret"),
    ],
)
def test_anybody_else_is_not(config: BasicAuth, name: str, password: str):
    """Neither with nearly the right password nor with somebody else's."""
    assert not Authenticator(config).check(basic(name, password))


@both
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YWRtaW46c2Vjc",
        "Basic YWRtaW46 c2VjcmV0",
        "Basic ä",
        "Basic " + base64.b64encode(b"admin").decode(),
        "Basic " + base64.b64encode(b"\xff:secret").decode(),
        "Bearer YWRtaW46c2VjcmV0",
        "YWRtaW46c2VjcmV0",
        basic("admin", "secret") + "," + basic("admin", "secret"),
    ],
)
def test_header_that_cannot_be_read_lets_nobody_in(config: BasicAuth, header: str):
    """It is a refusal like any other, and no crash."""
    assert Authenticator(config).check(header) is False


@pytest.mark.parametrize("scheme", ["basic", "BASIC"])
def test_scheme_may_be_in_any_case(scheme: str):
    """RFC 9110 11.1 says so."""
    assert Authenticator(PLAIN).check(basic("admin", "secret", scheme))


@pytest.mark.parametrize("version", ["2a", "2b", "2y"])
def test_hashes_of_all_common_tools_are_understood(version: str):
    """They differ in their first letters only."""
    config = BasicAuth((("admin", hashed("secret").replace("2b", version, 1)),), hashed=True)
    assert Authenticator(config).check(basic("admin", "secret"))


def test_bcrypt_looks_at_the_first_72_bytes_of_a_password_and_no_others():
    """As htpasswd and every other tool that makes such hashes does."""
    config = BasicAuth((("admin", hashed("x" * 72)),), hashed=True)
    assert Authenticator(config).check(basic("admin", "x" * 72 + "whatever"))
    assert not Authenticator(config).check(basic("admin", "x" * 71))


def test_unknown_names_cost_as_much_as_known_ones(monkeypatch: pytest.MonkeyPatch):
    """Otherwise the time of a refusal would tell which names exist."""
    users = (("a", hashed("x", 4)), ("b", hashed("x", 6)), ("c", hashed("x", 5)))
    compared: list[bytes] = []

    def checkpw(_: bytes, against: bytes) -> bool:
        compared.append(against)
        return True

    monkeypatch.setattr(auth.bcrypt, "checkpw", checkpw)
    assert not Authenticator(BasicAuth(users, hashed=True)).check(basic("nobody", "x"))
    assert [against[:7] for against in compared] == [b"$2b$06$"]


@both
def test_verdict_is_remembered_whether_good_or_bad(config: BasicAuth):
    """A second look at either costs no bcrypt check."""
    authenticator = Authenticator(config)
    good, bad = basic("admin", "secret"), basic("admin", "wrong")
    for header in (good, bad):
        assert authenticator.remembered(header) is None
        authenticator.check(header)
    assert authenticator.remembered(good) is True
    assert authenticator.remembered(bad) is False


@pytest.mark.parametrize(("password", "seconds"), [("secret", 3600.0), ("wrong", 60.0)])
def test_verdict_is_forgotten_in_the_end(password: str, seconds: float, clock: ManualClock):
    """Good ones after an hour, bad ones after a minute."""
    authenticator = Authenticator(PLAIN, monotonic=clock)
    authenticator.check(basic("admin", password))
    clock.advance(seconds)
    assert authenticator.remembered(basic("admin", password)) is None


@pytest.mark.parametrize(("password", "still"), [("secret", True), ("wrong", None)])
def test_good_verdict_is_kept_as_long_as_it_is_asked_for(
    password: str, *, still: bool | None, clock: ManualClock
):
    """Who scrapes never waits behind guesses again; a wrong password is looked at anew."""
    authenticator = Authenticator(PLAIN, monotonic=clock)
    authenticator.check(basic("admin", password))
    for _ in range(3):
        clock.advance(59.0)
        seen = authenticator.remembered(basic("admin", password))
    clock.advance(3599.0 if still else 0.0)
    assert seen is still
    assert authenticator.remembered(basic("admin", password)) is still


def test_a_flood_of_wrong_passwords_is_not_remembered_for_ever():
    """The oldest of them make room, and no good one does."""
    authenticator = Authenticator(PLAIN)
    authenticator.check(basic("admin", "secret"))
    for number in range(1100):
        authenticator.check(basic("admin", str(number)))
    assert authenticator.remembered(basic("admin", "0")) is None
    assert authenticator.remembered(basic("admin", "1099")) is False
    assert authenticator.remembered(basic("admin", "secret")) is True


class Slow(Authenticator):
    """Checks a password when the test says so."""

    def __init__(self) -> None:
        super().__init__(PLAIN)
        self.checks: list[str] = []
        self.go_on = threading.Event()

    def check(self, header: str) -> bool:
        self.checks.append(header)
        assert self.go_on.wait(20)
        return super().check(header)


def test_who_guesses_waits_for_his_own_guesses():
    """Four at a time; another address has its turn after those, and the rest are sent away."""

    async def scene() -> tuple[list[bool | None], bool | None, list[str]]:
        queue, slow = Queue(), Slow()
        guesses = [
            asyncio.ensure_future(queue.check(slow, basic("admin", str(n)), "10.0.0.1"))
            for n in range(6)
        ]
        await asyncio.sleep(0)
        honest = asyncio.ensure_future(queue.check(slow, basic("admin", "secret"), "10.0.0.2"))
        await asyncio.sleep(0)
        slow.go_on.set()
        return await asyncio.gather(*guesses), await honest, slow.checks

    verdicts, honest, checks = asyncio.run(scene())
    assert verdicts == [False] * 4 + [None] * 2
    assert honest is True
    assert checks == [*(basic("admin", str(n)) for n in range(4)), basic("admin", "secret")]


def test_the_same_password_is_checked_once_however_often_it_waits():
    """As when several replicas begin to scrape at the same moment."""

    async def scene() -> tuple[list[bool | None], list[str]]:
        queue, slow = Queue(), Slow()
        slow.go_on.set()
        header = basic("admin", "secret")
        checks = (queue.check(slow, header, "10.0.0.1") for _ in range(40))
        return await asyncio.gather(*checks), slow.checks

    verdicts, checks = asyncio.run(scene())
    assert verdicts == [True] * 40
    assert len(checks) == 1


def test_headers_that_are_no_utf8_can_be_remembered():
    """Like any other wrong one."""
    authenticator = Authenticator(PLAIN)
    authenticator.check("Basic \xff")
    assert authenticator.remembered("Basic \xff") is False


def test_no_password_stands_in_a_repr_or_in_the_memory_of_verdicts():
    """Nor does the header that had it."""
    authenticator = Authenticator(PLAIN)
    header = basic("admin", "secret")
    authenticator.check(header)
    shown = repr((PLAIN, authenticator, authenticator._verdicts))
    assert "secret" not in shown
    assert header.removeprefix("Basic ") not in shown


def test_challenge_says_that_names_and_passwords_are_utf8():
    """RFC 7617 2.1; browsers then send them so."""
    assert CHALLENGE == 'Basic realm="slurm_exporter", charset="UTF-8"'


def test_what_carries_no_password_is_answered_at_once():
    """It need not wait behind those who guess."""
    authenticator = Authenticator(PLAIN)
    for header in ("", "Bearer x", "Basic ?", "Basic eA=="):
        assert authenticator.remembered(header) is False


def guess(queue: Queue, slow: Slow, number: int, address: str) -> asyncio.Future[bool | None]:
    """Begin to check a wrong password."""
    header = basic("admin", str(number))
    return asyncio.ensure_future(queue.check(slow, header, address))


@pytest.mark.parametrize(
    ("addresses", "waiting"),
    [
        ([f"10.0.0.{n}" for n in range(40)], 32),
        ([f"2001:db8::{n}" for n in range(1, 9)], 4),
        ([f"2001:db8:0:{n}::1" for n in range(8)], 8),
        ([f"::ffff:10.0.0.{n}" for n in range(8)], 8),
        ([""] * 8, 4),
    ],
    ids=["many", "one IPv6 network", "several", "IPv4 over IPv6", "unix socket"],
)
def test_only_so_many_guesses_wait(addresses: list[str], waiting: int):
    """Of one client, who has a whole network of IPv6 addresses, and of all together."""

    async def scene() -> list[bool | None]:
        queue, slow = Queue(), Slow()
        guesses = [guess(queue, slow, n, address) for n, address in enumerate(addresses)]
        await asyncio.sleep(0)
        slow.go_on.set()
        return await asyncio.gather(*guesses)

    verdicts = asyncio.run(scene())
    assert verdicts.count(False) == waiting
    assert verdicts.count(None) == len(addresses) - waiting
