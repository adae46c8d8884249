"""Asking whichever controller is in charge."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import Authorization, Slurm
from slurm_exporter.errors import (
    AuthError,
    ConnectError,
    HttpStatusError,
    StandbyError,
    TooLargeError,
)
from slurm_exporter.sources.controllers import LOOK_BACK
from slurm_exporter.sources.slurmctld import Slurmctld
from tests import fake_slurmctld as fake
from tests.fake_slurmctld import NAMES, FakeSlurmctld

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import ManualClock

JOBS = "/metrics/jobs"
READY = "/readyz"


def reached(*slurmctlds: FakeSlurmctld, **settings: object) -> Slurmctld:
    return Slurmctld(Slurm(urls=tuple(one.url for one in slurmctlds), **settings))


def standby(location: str) -> fake.Behaviour:
    return fake.nothing("303 See Other", f"Location: {location}\r\n")


def stand_by(slurmctld: FakeSlurmctld, active: FakeSlurmctld) -> None:
    """Behave as a standby controller does on every path."""
    for name in NAMES:
        slurmctld.behaviours[f"/metrics/{name}"] = standby(f"{active.url}/metrics/{name}")
    slurmctld.behaviours[READY] = fake.nothing("500 Internal Server Error")


def take_charge(slurmctld: FakeSlurmctld) -> None:
    """Behave as the controller in charge does."""
    for name in NAMES:
        slurmctld.behaviours[f"/metrics/{name}"] = fake.answer(fake.recorded(name))
    slurmctld.behaviours[READY] = fake.nothing("204 No Content")


@pytest.fixture
def second() -> Iterator[FakeSlurmctld]:
    with FakeSlurmctld().running() as slurmctld:
        yield slurmctld


# ------------------------------------------------------------------ one controller


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        ("401 Unauthorized", AuthError, "answered 401; slurmctld wants a token"),
        ("403 Forbidden", AuthError, "answered 403; slurmctld wants a token"),
        (
            "404 Not Found",
            HttpStatusError,
            "answered 404; is this slurmctld, and is slurm.url without",
        ),
        ("500 Internal Server Error", HttpStatusError, "answered 500"),
        ("503 Service Unavailable", HttpStatusError, "answered 503"),
        ("204 No Content", HttpStatusError, "answered 204"),
        ("302 Found", HttpStatusError, "answered 302"),
    ],
)
def test_any_other_status_is_a_failure(
    slurmctld: FakeSlurmctld, status: str, error: type[Exception], words: str
) -> None:
    """With the URL and the status in the words."""
    slurmctld.behaviours[JOBS] = fake.nothing(status)

    with pytest.raises(error, match=f"{slurmctld.url}{JOBS} {words}"):
        reached(slurmctld).fetch(JOBS, 5.0)


def test_a_body_over_the_limit_is_a_failure(slurmctld: FakeSlurmctld) -> None:
    """The limit is the config's."""
    with pytest.raises(TooLargeError, match="100 bytes"):
        reached(slurmctld, body_size_limit=100).fetch(JOBS, 5.0)


# ------------------------------------------------------------------ several controllers


@pytest.mark.parametrize("how", ["303", "503"])
def test_a_standby_passes_the_turn_and_no_endpoint_asks_it_again(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld, how: str
) -> None:
    """What one endpoint has found out, all endpoints know."""
    stand_by(slurmctld, second)
    if how == "503":
        slurmctld.behaviours[JOBS] = fake.nothing("503 Service Unavailable")
    asked = reached(slurmctld, second)

    bodies = [asked.fetch(f"/metrics/{name}", 5.0) for name in NAMES]

    assert bodies == [fake.recorded(name) for name in NAMES]
    assert slurmctld.requests == {JOBS: 1}
    assert second.requests == {f"/metrics/{name}": 1 for name in NAMES}
    assert asked.controllers.active() == {slurmctld.url: False, second.url: True}


def test_a_standby_that_names_another_host_is_not_followed(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """Only hosts that the operator wrote down are ever contacted."""
    stand_by(slurmctld, second)

    with pytest.raises(
        StandbyError,
        match=r"is a standby controller and points to \S+, which slurm.urls does not name",
    ):
        reached(slurmctld).fetch(JOBS, 5.0)
    assert not second.requests


def test_a_dead_primary_passes_the_turn(slurmctld: FakeSlurmctld, second: FakeSlurmctld) -> None:
    """The standby has taken over."""
    asked = reached(slurmctld, second)
    asked.fetch(JOBS, 5.0)
    slurmctld.stop()

    assert asked.fetch(JOBS, 5.0) == fake.recorded("jobs")
    assert asked.controllers.failovers == 1


def test_a_hanging_primary_leaves_time_for_the_next(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """One controller's silence takes its share of the timeout, not all of it."""
    slurmctld.behaviours[JOBS] = fake.hang()
    asked = reached(slurmctld, second)

    assert asked.fetch(JOBS, 1.0)
    assert asked.fetch(JOBS, 1.0)
    assert slurmctld.requests[JOBS] == 1


def test_the_controller_that_answers_has_most_of_the_time(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """A slow answer must not fail because a standby might have been asked."""

    def slowly(connection: socket.socket, stop: threading.Event) -> None:
        stop.wait(1.2)
        fake.answer(fake.recorded("jobs"))(connection, stop)

    slurmctld.behaviours[JOBS] = slowly

    assert reached(slurmctld, second).fetch(JOBS, 2.0)
    assert not second.requests


def test_when_no_controller_answers_each_ones_reason_is_told(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """A dead primary explains more than its standby does, and none is active."""
    stand_by(slurmctld, second)
    asked = reached(slurmctld, second)
    asked.fetch(JOBS, 5.0)
    second.stop()

    with pytest.raises(
        ConnectError, match=r"connection refused; .* is a standby controller and points to \S+$"
    ):
        asked.fetch(JOBS, 5.0)
    assert not any(asked.controllers.active().values())


@pytest.mark.parametrize(
    ("status", "error"), [("401 Unauthorized", AuthError), ("404 Not Found", HttpStatusError)]
)
def test_a_refusal_is_not_carried_to_the_next_controller(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld, status: str, error: type[Exception]
) -> None:
    """Whoever refuses is in charge, and another would say the same."""
    slurmctld.behaviours[JOBS] = fake.nothing(status)
    asked = reached(slurmctld, second)

    with pytest.raises(error):
        asked.fetch(JOBS, 5.0)
    assert not second.requests
    assert asked.controllers.active()[slurmctld.url]


# ------------------------------------------------------------------ the way back


@pytest.fixture
def failed_over(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld, clock: ManualClock
) -> Iterator[Slurmctld]:
    """The second controller answers in place of the first."""
    slurm = Slurm(urls=(slurmctld.url, second.url))
    stand_by(slurmctld, second)
    asked = Slurmctld(slurm, monotonic=clock)
    asked.fetch(JOBS, 5.0)
    take_charge(second)
    slurmctld.requests.clear()
    second.requests.clear()
    return asked


def test_the_first_is_asked_again_once_it_is_back(
    failed_over: Slurmctld, slurmctld: FakeSlurmctld, second: FakeSlurmctld, clock: ManualClock
) -> None:
    """Even while the second goes on answering; one glance, and one answer from one of them."""
    take_charge(slurmctld)
    failed_over.fetch(JOBS, 5.0)
    assert (slurmctld.requests, second.requests) == ({}, {JOBS: 1})

    clock.advance(LOOK_BACK)
    for name in NAMES:
        failed_over.fetch(f"/metrics/{name}", 5.0)

    assert slurmctld.requests == {READY: 1} | {f"/metrics/{name}": 1 for name in NAMES}
    assert second.requests == {JOBS: 1}
    assert failed_over.controllers.failovers == 1


@pytest.mark.parametrize("state", ["standby", "dead", "hanging", "pointing"])
def test_a_first_that_is_not_back_costs_one_glance_a_minute(
    failed_over: Slurmctld,
    slurmctld: FakeSlurmctld,
    second: FakeSlurmctld,
    clock: ManualClock,
    state: str,
) -> None:
    """Never a question for metrics, and little of the time of the one that answers."""
    if state == "dead":
        slurmctld.stop()
    if state == "hanging":
        slurmctld.behaviours[READY] = fake.hang()
    if state == "pointing":
        slurmctld.behaviours[READY] = standby(f"{second.url}{READY}")
    clock.advance(LOOK_BACK)

    for name in NAMES:
        assert failed_over.fetch(f"/metrics/{name}", 2.0) == fake.recorded(name)

    assert slurmctld.requests == ({} if state == "dead" else {READY: 1})


def test_a_first_that_looks_well_and_is_not_costs_no_answer(
    failed_over: Slurmctld, slurmctld: FakeSlurmctld, clock: ManualClock
) -> None:
    """A proxy that knows nothing of /readyz stands before a standby."""
    del slurmctld.behaviours[READY]
    clock.advance(LOOK_BACK)

    assert failed_over.fetch(JOBS, 5.0) == fake.recorded("jobs")
    assert slurmctld.requests == {READY: 1, JOBS: 1}


def test_many_endpoints_at_once_lose_no_answer_in_a_failover(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """Each poll has one answer, whoever finds out first."""
    asked = reached(slurmctld, second)
    asked.fetch(JOBS, 5.0)
    slurmctld.stop()
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda name=name: bodies.append(asked.fetch(name, 10.0)))
        for name in [f"/metrics/{name}" for name in NAMES] * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(bodies) == sorted(fake.recorded(name) for name in NAMES for _ in range(4))
    assert asked.controllers.failovers == 1
    assert second.requests.total() == 20


# ------------------------------------------------------------------ tokens


@pytest.fixture
def token(tmp_path: Path, slurmctld: FakeSlurmctld) -> Path:
    """The file of the token that slurmctld wants."""
    slurmctld.accepted = {"Bearer first"}
    file = tmp_path / "token"
    file.write_text("first\n")
    return file


def shown(file: Path) -> Authorization:
    return Authorization(credentials_file=str(file))


def test_a_token_lets_us_in(slurmctld: FakeSlurmctld, token: Path) -> None:
    """In the header that Prometheus would send, and slurmctld takes."""
    assert reached(slurmctld, authorization=shown(token)).fetch(JOBS, 5.0)
    assert slurmctld.requests == {JOBS: 1}


def test_after_a_401_another_token_is_shown_within_the_same_poll(
    slurmctld: FakeSlurmctld, tmp_path: Path
) -> None:
    """Once; the command that makes them is asked for a new one."""
    slurmctld.accepted = {"Bearer token2"}
    count = tmp_path / "count"
    script = f"echo >> {count}; echo token$(wc -l < {count})"
    authorization = Authorization(token_command=("sh", "-c", script))

    assert reached(slurmctld, authorization=authorization).fetch(JOBS, 10.0)
    assert slurmctld.requests == {JOBS: 2}


def test_a_second_401_is_a_failure(slurmctld: FakeSlurmctld, tmp_path: Path) -> None:
    """A command that makes tokens nobody takes is not run for ever."""
    slurmctld.accepted = set()
    authorization = Authorization(token_command=("sh", "-c", "echo token$$"))

    with pytest.raises(AuthError, match="answered 401; slurmctld refuses the token from"):
        reached(slurmctld, authorization=authorization).fetch(JOBS, 10.0)
    assert slurmctld.requests == {JOBS: 2}


def test_a_token_that_is_still_the_same_is_not_shown_twice(
    slurmctld: FakeSlurmctld, token: Path
) -> None:
    """slurmctld has said what it thinks of it."""
    token.write_text("other")

    with pytest.raises(AuthError, match=f"refuses the token from {token}"):
        reached(slurmctld, authorization=shown(token)).fetch(JOBS, 5.0)
    assert slurmctld.requests == {JOBS: 1}


def test_without_a_token_slurmctld_is_not_asked(slurmctld: FakeSlurmctld, token: Path) -> None:
    """It could only refuse."""
    token.unlink()

    with pytest.raises(AuthError, match=f"^{token} cannot be read: No such file or directory$"):
        reached(slurmctld, authorization=shown(token)).fetch(JOBS, 5.0)
    assert not slurmctld.requests


def test_a_new_config_with_the_same_credentials_keeps_the_token(token: Path) -> None:
    """A command would be run at every reload otherwise."""
    urls = ("http://127.0.0.1:1",)
    old = Slurmctld(Slurm(urls=urls, authorization=shown(token)))

    same = old.reconfigured(Slurm(urls=urls, authorization=shown(token), timeout=1.0))
    other = old.reconfigured(Slurm(urls=urls, authorization=shown(token), user="alice"))

    assert same.credentials is old.credentials
    assert other.credentials is not old.credentials


# ------------------------------------------------------------------ another config


def test_a_new_config_with_the_same_controllers_knows_which_one_answers(
    failed_over: Slurmctld, slurmctld: FakeSlurmctld, second: FakeSlurmctld
) -> None:
    """Other controllers begin anew, and the same config changes nothing."""
    assert failed_over.reconfigured(failed_over._slurm) is failed_over

    same = failed_over.reconfigured(Slurm(urls=(slurmctld.url, second.url), timeout=7.0))
    other = failed_over.reconfigured(Slurm(urls=(slurmctld.url,)))

    assert same.controllers.active() == {slurmctld.url: False, second.url: True}
    assert other.controllers.active() == {slurmctld.url: False}


@pytest.mark.parametrize("location", ["http://[x/", ""])
def test_a_standby_that_points_nowhere_is_a_standby_all_the_same(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld, location: str
) -> None:
    """Whatever stands in that header."""
    slurmctld.behaviours[JOBS] = standby(location)
    with pytest.raises(StandbyError, match="is a standby controller and points to"):
        reached(slurmctld).fetch(JOBS, 5.0)
    assert reached(slurmctld, second).fetch(JOBS, 5.0) == fake.recorded("jobs")


def test_nobody_is_asked_when_the_time_is_over(
    slurmctld: FakeSlurmctld, second: FakeSlurmctld, clock: ManualClock
) -> None:
    """A name that took long to resolve has used it up."""

    def slowly(connection: socket.socket, stop: threading.Event) -> None:
        clock.advance(10.0)

    slurmctld.behaviours[JOBS] = slowly
    slurm = Slurm(urls=(slurmctld.url, second.url))
    with pytest.raises(ConnectError):
        Slurmctld(slurm, monotonic=clock).fetch(JOBS, 5.0)
    assert not second.requests


def test_a_name_that_no_host_can_have_is_said() -> None:
    """Python finds it impossible before anybody is asked."""
    slurmctld = Slurmctld(Slurm(urls=(f"http://{'x' * 64}:6817",)))
    with pytest.raises(ConnectError, match="cannot resolve the host name"):
        slurmctld.fetch(JOBS, 5.0)
