"""Certificates, passwords and configs that change while clients come without a pause."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import pytest

from slurm_exporter import cli
from slurm_exporter.web import server
from tests.fake_slurmctld import NAMES
from tests.locked import (
    PASSWORD,
    USER,
    authorization,
    hashed,
    put,
    put_web_config,
    secure,
    status,
    trusting,
)
from tests.processes import FREE_PORT, Exporter, series, settings, until
from tests.web.certificates import Authority

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from slurm_exporter.config import Tls
    from tests.fake_slurmctld import FakeSlurmctld

NEW = f"new-{PASSWORD}"

HASTE = 100
PROGRAM = (sys.executable, "-c", "from tests.test_security_changes import child; child()")


def child() -> None:
    """Run the command, which looks at its files a hundred times as often as it does."""
    server._TICK /= HASTE
    cli.entry()


@final
class Load:
    """Threads that do something again and again, and what came of it."""

    def __init__(self, *actions: Callable[[], Any]) -> None:
        self.results: list[list[Any]] = [[] for _ in actions]
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=pair)
            for pair in zip(actions, self.results, strict=True)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, action: Callable[[], Any], results: list[Any]) -> None:
        try:
            while not self._stop.is_set():
                results.append(action())
        except Exception as error:  # noqa: BLE001 - the test shows it
            self.errors.append(error)

    def go_on(self, times: int = 5) -> None:
        """Wait until everything was done some times more, or a thread has failed."""
        wanted = [len(results) + times for results in self.results]
        until(
            lambda: (
                self.errors
                or all(len(done) >= n for done, n in zip(self.results, wanted, strict=True))
            ),
            "the clients",
        )


# ------------------------------------------------------------------ certificates


def install(renewed: Tls, place: Path) -> None:
    """Put a certificate and its key where others were, one after the other."""
    for file, name in ((renewed.cert_file, "server.crt"), (renewed.key_file, "server.key")):
        shutil.copy(file, place / f"{name}.new")
        (place / f"{name}.new").replace(place / name)


def name_of(connection: Any) -> str:
    """The name in the certificate that a connection began with."""
    ((_, name),) = connection.sock.getpeercert()["subject"][0]
    return str(name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def visitor(exporter: Exporter, context: ssl.SSLContext) -> Callable[[], tuple[str, int]]:
    """A client that comes anew each time; what it is shown, and answered."""

    def visit() -> tuple[str, int]:
        connection = secure(exporter.port, context)
        try:
            return name_of(connection), status(connection)
        finally:
            connection.close()

    return visit


@contextmanager
def with_tls(tmp_path: Path, authority: Authority, url: str) -> Iterator[Exporter]:
    """An exporter with a certificate for the name ``first``."""
    install(authority.issue("first"), tmp_path)
    files = {"cert_file": "server.crt", "key_file": "server.key"}
    flag = put_web_config(tmp_path / "web.yml", tls_server_config=files)
    with Exporter(tmp_path, settings(url), FREE_PORT, flag, command=PROGRAM) as exporter:
        yield exporter


def test_a_certificate_is_renewed_under_load_and_no_request_fails(
    tmp_path: Path, authority: Authority, slurmctld: FakeSlurmctld
) -> None:
    """New connections soon see the new one; an old connection lives on with its own."""
    context = trusting(authority)
    names = ["second", "third", "fourth"]
    renewed = [authority.issue(name) for name in names]
    with with_tls(tmp_path, authority, slurmctld.url) as exporter:
        visit = visitor(exporter, context)
        old = secure(exporter.port, context)
        with Load(*[visit] * 3, lambda: status(old)) as load:
            for name, files in zip(names, renewed, strict=True):
                load.go_on()
                install(files, tmp_path)
                until(lambda name=name: visit() == (name, 200), f"the {name} certificate")
            load.go_on()
        assert name_of(old) == "first"
        old.close()
    *visits, kept = load.results
    assert load.errors == []
    assert set(kept) == {200}
    assert {answered for each in visits for _, answered in each} == {200}
    for each in visits:
        seen = [name for name, _ in each]
        assert seen == sorted(seen, key=["first", *names].index), "never an older one again"
        assert seen[-1] == "fourth"


@pytest.mark.parametrize("broken", ["server.crt", "server.key"])
def test_a_broken_certificate_keeps_the_old_one_and_is_told_once(
    tmp_path: Path, authority: Authority, slurmctld: FakeSlurmctld, broken: str
) -> None:
    """However often the files are looked at; a good one later is taken."""
    context = trusting(authority)
    with with_tls(tmp_path, authority, slurmctld.url) as exporter:
        visit = visitor(exporter, context)
        with Load(*[visit] * 2) as load:
            put(tmp_path / broken, "-----BEGIN NOTHING-----\n")
            until(lambda: exporter.log("web.files_unusable"), "the complaint")
            load.go_on(50)
            install(authority.issue("second"), tmp_path)
            until(lambda: visit() == ("second", 200), "the good one")
        assert load.errors == []
        assert {seen for each in load.results for seen in each} == {("first", 200), ("second", 200)}
        # Of the two files that are put in place after each other, the first may be met alone.
        complaints = [line["error"] for line in exporter.log("web.files_unusable")]
        assert complaints[0].endswith("server.key: not valid PEM")
        assert f"cannot use {tmp_path / 'server.crt'} with" in complaints[0]
        assert complaints.count(complaints[0]) == 1


# ------------------------------------------------------------------ passwords


def failures(exporter: Exporter, password: str = PASSWORD) -> float:
    """How often new files were of no use, as the page counts it."""
    page = exporter.samples(**authorization(password))
    return page[series("slurm_exporter_web_file_failures_total")]


def test_a_password_is_changed_under_load_and_nobody_sees_an_error(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """From one moment on the old one is refused and the new one lets in, for all clients."""
    users = tmp_path / "web.yml"
    flag = put_web_config(users, basic_auth_users={USER: hashed(PASSWORD)})
    with Exporter(tmp_path, settings(slurmctld.url), FREE_PORT, flag) as exporter:

        def client(password: str) -> Callable[[], int]:
            return lambda: exporter.get(**authorization(password)).status

        until(lambda: client(PASSWORD)() == 200, "the password to be known")
        with Load(*[client(PASSWORD)] * 2, *[client(NEW)] * 2) as load:
            load.go_on()
            put_web_config(users, basic_auth_users={USER: hashed(NEW)})
            until(lambda: client(NEW)() == 200, "the new password to count", seconds=5)
            load.go_on()
        assert load.errors == []
    for answers, codes in zip(load.results, [[200, 401]] * 2 + [[401, 200]] * 2, strict=True):
        assert answers == sorted(answers, key=codes.index), "never back again"
        assert set(answers) == set(codes)


@pytest.mark.parametrize(
    "content",
    ["", "basic_auth_users: {", f"basic_auth_users: {{{USER}: {PASSWORD}}}"],
    ids=["emptied", "cut", "a password and no hash"],
)
def test_a_broken_file_of_users_keeps_the_old_ones_and_is_told_once(
    tmp_path: Path, slurmctld: FakeSlurmctld, content: str
) -> None:
    """However often it is looked at, and never with what is in it."""
    users = tmp_path / "web.yml"
    good = {"basic_auth_users": {USER: hashed(PASSWORD)}}
    flag = put_web_config(users, **good)
    config = settings(slurmctld.url)
    with Exporter(tmp_path, config, FREE_PORT, flag, command=PROGRAM) as exporter:
        known, wrong = authorization(), authorization(NEW)
        until(lambda: exporter.get(**known).status == 200, "the password to be known")
        assert failures(exporter) == 0
        visits = [lambda: exporter.get(**known).status, lambda: exporter.get(**wrong).status]
        with Load(*visits) as load:
            put(users, content)
            until(lambda: exporter.log("web.files_unusable"), "the complaint")
            load.go_on(50)
        until(lambda: failures(exporter) == 1, "a page that counts it")
        assert len(exporter.log("web.files_unusable")) == 1
        assert load.errors == []
        assert [set(codes) for codes in load.results] == [{200}, {401}]


# ------------------------------------------------------------------ reloads

POOL = (os.cpu_count() or 1) + 4
"""Threads that asyncio keeps for what takes time, once they were needed."""


def threads(exporter: Exporter) -> int:
    """How many threads the process has now."""
    return len([*Path(f"/proc/{exporter.process.pid}/task").iterdir()])


def test_a_storm_of_good_and_bad_reloads_disturbs_no_scrape_and_leaves_nothing(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """Signals and requests come together, to configs that turn good and bad meanwhile."""
    good = settings(slurmctld.url) | {"server": {"enable_lifecycle": True}}
    fewer = good | {"endpoints": good["endpoints"][:3], "labels": {"cluster": "other"}}
    bad = good | {"colour": "blue"}
    with Exporter(tmp_path, good, FREE_PORT) as exporter:

        def reload() -> int:
            return exporter.get("/-/reload", "POST").status

        def hang_up() -> int:
            exporter.process.send_signal(signal.SIGHUP)
            return exporter.get("/-/healthy").status

        until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
        before = threads(exporter)
        with Load(*[lambda: exporter.get().status] * 3, reload, hang_up) as load:
            for turn in range(60):
                put(exporter.file, json.dumps((good, bad, fewer)[turn % 3]))
                load.go_on(1)
        for config, code, successful in ((good, 200, 1), (bad, 500, 0), (good, 200, 1)):
            exporter.configure(config)
            assert reload() == code
            until(
                lambda wanted=successful: exporter.value("config_last_reload_successful") == wanted,
                "a page that says so",
            )
        until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
        until(lambda: threads(exporter) <= before + POOL, "the threads of old pollers to end")
        polled = slurmctld.requests.total() + 2 * len(NAMES)
        until(lambda: slurmctld.requests.total() >= polled, "polls to go on")
    *scrapes, reloads, _ = load.results
    assert load.errors == []
    assert {code for codes in scrapes for code in codes} == {200}
    assert set(reloads) == {200, 500}
