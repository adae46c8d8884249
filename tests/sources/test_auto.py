"""slurmctld's own metrics where it has them, commands where it has not."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from slurm_exporter.config import DEFAULT_ENDPOINTS, Authorization, Cli, Endpoint, Login, Slurm
from slurm_exporter.errors import (
    AuthError,
    ConnectError,
    EmptyError,
    HttpStatusError,
    ParseError,
    PollError,
    PollTimeoutError,
)
from slurm_exporter.sources.auto import AutoSource, Choice
from slurm_exporter.sources.cluster import Cluster
from tests import fake_slurmctld as fake
from tests.fake_commands import FakeCommands
from tests.processes import until

if TYPE_CHECKING:
    from pathlib import Path

    from slurm_exporter.sources import Answer
    from tests.conftest import ManualClock
    from tests.fake_slurmctld import FakeSlurmctld

ENDPOINTS = {one.name: one for one in DEFAULT_ENDPOINTS}


@pytest.fixture
def commands(tmp_path: Path) -> FakeCommands:
    """Commands of a healthy cluster."""
    return FakeCommands(tmp_path / "slurm")


class House:
    """A cluster with a slurmctld and commands, either of which may have no answer."""

    def __init__(self, slurmctld: FakeSlurmctld, commands: FakeCommands, **slurm: Any) -> None:
        self.slurmctld = slurmctld
        self.commands = commands
        self.cluster = Cluster(Slurm(urls=(slurmctld.url,), cli=Cli(str(commands.path)), **slurm))
        self.logs: list[Any] = []

    def poll(self, name: str = "jobs", timeout: float = 10.0, **endpoint: Any) -> Answer:
        changed = replace(ENDPOINTS[name], timeout=timeout, **endpoint)
        return self.ask(changed)

    def ask(self, endpoint: Endpoint) -> Answer:
        with capture_logs() as logs:
            try:
                return self.cluster.source(endpoint).poll()
            finally:
                self.logs += [line for line in logs if line["event"] == "source.chosen"]

    def error(self, name: str = "jobs", **how: Any) -> PollError:
        with pytest.raises(PollError) as caught:
            self.poll(name, **how)
        return caught.value

    @property
    def asked(self) -> tuple[int, int]:
        """How often slurmctld was asked, and how often commands ran."""
        return sum(self.slurmctld.requests.values()), sum(self.commands.runs.values())

    @property
    def chosen(self) -> list[str]:
        """What was logged as chosen."""
        return [line["source"] for line in self.logs]


@pytest.fixture
def house(slurmctld: FakeSlurmctld, commands: FakeCommands) -> House:
    return House(slurmctld, commands)


def all_answer(slurmctld: FakeSlurmctld, behaviour: Any) -> None:
    """Make slurmctld do the same at each endpoint."""
    slurmctld.behaviours = dict.fromkeys(slurmctld.behaviours, behaviour)


# ------------------------------------------------------------------ slurmctld answers


def test_a_slurmctld_with_metrics_is_asked_from_then_on(house: House) -> None:
    """Whatever becomes of it later, no command is ever run."""
    answer = house.poll()
    assert answer.source == "openmetrics"
    assert house.logs == [
        {
            "event": "source.chosen",
            "log_level": "info",
            "source": "openmetrics",
            "why": "slurmctld answers",
        }
    ]
    house.slurmctld.stop()
    assert isinstance(house.error(), ConnectError)
    assert isinstance(house.error("jobs-users-accts"), ConnectError)
    assert house.asked == (1, 0)


def test_the_choice_is_made_for_all_endpoints(house: House) -> None:
    for name in ENDPOINTS:
        house.poll(name)
    assert (house.asked, house.chosen) == ((5, 0), ["openmetrics"])


def test_an_answer_without_users_is_believed_unless_commands_know_some(house: House) -> None:
    """Nobody has jobs, or ``MetricsType`` is not set: jobs-users-accts looks the same."""
    all_answer(house.slurmctld, fake.nothing())
    answer = house.poll("jobs-users-accts")
    assert answer.families
    assert house.chosen == ["cli"]


@pytest.mark.parametrize("fails", [False, True])
def test_no_users_say_nothing_about_metrics(house: House, fails: bool) -> None:
    """While commands know of none either, or nothing at all, there is nothing to choose by."""
    all_answer(house.slurmctld, fake.nothing())
    if fails:
        house.commands.fail("squeue", "no")
    else:
        house.commands.print("squeue", "")
    answer = house.poll("jobs-users-accts")
    assert (answer.families, answer.source, house.chosen) == ((), "openmetrics", [])


# ------------------------------------------------------------------ commands answer


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (fake.close(), "slurmctld before 25.11 has no metrics"),
        (fake.reset(), "connection reset by peer"),
        (fake.nothing(), "set MetricsType=metrics/openmetrics in slurm.conf"),
        (fake.answer(b"", "404 Not Found"), "answered 404"),
        (fake.answer(b"", "401 Unauthorized"), "answered 401"),
        (fake.answer(b"", "403 Forbidden"), "answered 403"),
    ],
    ids=["closed", "reset", "empty", "404", "401", "403"],
)
def test_where_slurmctld_has_no_metrics_commands_are_asked_from_then_on(
    house: House, behaviour: Any, why: str
) -> None:
    """Slurmctld is asked twice in all: before, and once more when commands have answered."""
    all_answer(house.slurmctld, behaviour)
    answer = house.poll()
    assert {"slurm_jobs_running"} <= {family.name for family in answer.families}
    assert answer.source == "cli"
    house.poll()
    house.poll("jobs-users-accts")

    assert house.asked == (2, 1)
    assert house.chosen == ["cli"]
    assert why in house.logs[0]["why"]


def test_where_nobody_listens_commands_are_asked(house: House) -> None:
    house.slurmctld.stop()
    assert house.poll().families
    assert house.chosen == ["cli"]


def test_commands_that_waited_for_a_slurmctld_to_start_are_not_settled_on(
    house: House, tmp_path: Path
) -> None:
    """squeue goes on trying for a while, and what answers it then may have metrics."""
    house.slurmctld.stop()
    house.commands._tell("squeue", f"touch {tmp_path}/tries; sleep 0.3")

    def start() -> None:
        until((tmp_path / "tries").exists, "squeue")
        house.slurmctld.start()

    thread = threading.Thread(target=start)
    thread.start()
    answer = house.poll()
    thread.join()

    assert house.chosen == ["openmetrics"]
    assert answer.source == "openmetrics"


def test_trouble_on_the_second_look_settles_nothing(house: House, tmp_path: Path) -> None:
    """What the commands said is served meanwhile."""
    all_answer(house.slurmctld, fake.close())
    house.commands._tell("squeue", f"touch {tmp_path}/asked; sleep 0.3")

    def get_into_trouble() -> None:
        until((tmp_path / "asked").exists, "squeue")
        all_answer(house.slurmctld, fake.answer(b"", "503 Service Unavailable"))

    thread = threading.Thread(target=get_into_trouble)
    thread.start()
    answer = house.poll()
    thread.join()

    assert answer.families
    assert house.chosen == []


# ------------------------------------------------------------------ what decides nothing


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (fake.answer(b"", "500 Internal Server Error"), HttpStatusError),
        (fake.answer(b"", "503 Service Unavailable"), HttpStatusError),
        (fake.hang(), PollTimeoutError),
        (fake.answer(b"<html>"), ParseError),
        (fake.nothing("303 See Other", "Location: http://elsewhere:1/\r\n"), PollError),
    ],
    ids=["500", "503", "hangs", "html", "standby"],
)
def test_trouble_is_no_reason_to_ask_in_another_way(
    house: House, behaviour: Any, kind: type[PollError]
) -> None:
    """Commands would only add to it."""
    all_answer(house.slurmctld, behaviour)
    error = house.error(timeout=0.5)
    assert isinstance(error, kind)
    assert "commands" not in str(error)
    assert (house.asked[1], house.chosen) == (0, [])


@pytest.mark.parametrize(
    "login",
    [
        {"authorization": Authorization(token_command=("echo", "a.b.c"))},
        {"basic_auth": Login("prometheus", "hunter2hunter2")},
    ],
    ids=["token", "password"],
)
def test_credentials_that_are_refused_are_a_mistake_to_be_mended(
    slurmctld: FakeSlurmctld, commands: FakeCommands, login: dict[str, Any]
) -> None:
    """Whoever configured them wants slurmctld's own metrics."""
    all_answer(slurmctld, fake.answer(b"", "401 Unauthorized"))
    house = House(slurmctld, commands, **login)
    assert isinstance(house.error(), AuthError)
    assert (house.asked[1], house.chosen) == (0, [])


def test_without_commands_the_failure_is_slurmctlds_own_and_says_where_they_were_sought(
    house: House,
) -> None:
    """Either can be mended: slurm.conf, or slurm.cli.path."""
    (house.commands.path / "squeue").unlink()
    all_answer(house.slurmctld, fake.nothing())
    error = house.error()
    assert isinstance(error, EmptyError)
    assert str(error) == (
        "slurmctld answered with nothing; set MetricsType=metrics/openmetrics in slurm.conf;"
        f" nor do commands help: squeue is not in {house.commands.path}"
    )


def test_when_neither_answers_both_reasons_are_given(house: House) -> None:
    """And nothing is settled: the next poll tries both again, for no failure is shared so long."""
    all_answer(house.slurmctld, fake.close())
    house.commands.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller")
    error = house.error(cli_interval=1e-6)
    assert isinstance(error, ConnectError)
    assert str(error).endswith(
        "slurmctld before 25.11 has no metrics; nor do commands help: squeue failed (exit code 1):"
        " slurm_load_jobs error: Unable to contact slurm controller"
    )
    assert house.chosen == []

    house.commands.be_well("squeue")
    assert house.poll(cli_interval=1e-6).families
    assert house.chosen == ["cli"]


# ------------------------------------------------------------------ threads and time


def test_many_endpoints_find_out_together(house: House) -> None:
    """One of them asks; the others wait for what it finds."""
    all_answer(house.slurmctld, fake.close())
    sources = [house.cluster.source(ENDPOINTS["jobs"]) for _ in range(8)]
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda s=s: answers.append(s.poll())) for s in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(answers) == 8
    assert house.asked == (2, 1)


def test_a_poll_ends_in_its_time_though_it_asks_in_two_ways(house: House) -> None:
    """The second attempt has what the first has left."""
    slow = fake.drip(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0.01)
    all_answer(house.slurmctld, slow)
    house.commands.hang("squeue")
    began = time.monotonic()
    error = house.error(timeout=1.5)
    assert time.monotonic() - began < 2.5
    assert "nor do commands help: squeue took longer than" in str(error)


def test_who_waits_for_another_to_find_out_waits_no_longer_than_he_may(house: House) -> None:
    all_answer(house.slurmctld, fake.hang())
    source = house.cluster.source(replace(ENDPOINTS["jobs-users-accts"], timeout=2.0))

    def find_out() -> None:
        with contextlib.suppress(PollTimeoutError):
            source.poll()

    finding = threading.Thread(target=find_out)
    finding.start()
    until(lambda: house.slurmctld.requests, "the first question")
    began = time.monotonic()
    error = house.error("jobs", timeout=0.3)
    assert isinstance(error, PollTimeoutError)
    assert str(error) == "slurmctld took too long to answer another endpoint"
    assert time.monotonic() - began < 1.5
    finding.join(20)


def test_no_time_is_left_when_the_first_attempt_took_it_all(clock: ManualClock) -> None:
    """The second is not begun."""

    class Slow:
        def poll(self, *_: object) -> Answer:
            clock.advance(5.0)
            raise ConnectError("refused")

    source = AutoSource(Slow(), Slow(), Choice(open_to_all=True), 5.0, monotonic=clock)
    with pytest.raises(ConnectError) as caught:
        source.poll()
    assert str(caught.value) == (
        "refused; nor do commands help: not found out how Slurm answers within 5 s"
    )
    assert clock.now == 1005.0
