"""The threads that ask Slurm."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from slurm_exporter import poller as poller_module
from slurm_exporter.config import Endpoint
from slurm_exporter.errors import ConnectError, PollTimeoutError
from slurm_exporter.exposition import Family, Format
from slurm_exporter.poller import GRACE, Poller
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.sources import Answer

if TYPE_CHECKING:
    from slurm_exporter.phases import Stopwatch
    from tests.conftest import ManualClock

JOBS = Endpoint("jobs", "/metrics/jobs", interval=30.0, timeout=10.0)
GOOD = Answer((Family("slurm_jobs", "gauge", "All", (), [("7",)]),), {"foreign": 2}, 99, b"1")


class FakeSource:
    """Answers what the test says, and takes as long as it says."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.seconds = 0.0
        self.outcome: Answer | BaseException = GOOD
        self.polls: list[float] = []

    def poll(self, known: bytes, stopwatch: Stopwatch) -> Answer:
        self.polls.append(self.clock.now)
        with stopwatch.phase("fetch"):
            self.clock.advance(self.seconds)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        same = self.outcome.fingerprint == known
        return replace(self.outcome, families=None) if same else self.outcome


class StopAt(threading.Event):
    """A stop signal whose waiting moves the clock, and which comes at a moment."""

    def __init__(self, clock: ManualClock, moment: float) -> None:
        super().__init__()
        self.clock = clock
        self.moment = moment
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.clock.advance(timeout)
        return self.clock.now >= self.moment


class House:
    """A poller with everything around it."""

    def __init__(self, clock: ManualClock, endpoint: Endpoint = JOBS, **settings: object) -> None:
        self.clock = clock
        self.source = FakeSource(clock)
        self.store = SnapshotStore([endpoint])
        self.poller = Poller(
            endpoint,
            self.source,
            self.store,
            monotonic=clock,
            wall=lambda: clock.now + 1_000_000.0,
            jitter=lambda: 0.0,
            **settings,
        )

    @property
    def view(self):
        return self.store.endpoint("jobs")

    def run_for(self, seconds: float) -> StopAt:
        stop = StopAt(self.clock, self.clock.now + seconds)
        self.poller.run(stop)
        return stop


@pytest.fixture
def house(clock: ManualClock) -> House:
    return House(clock)


# ------------------------------------------------------------------ one attempt


def test_a_successful_poll_publishes_a_snapshot(house: House) -> None:
    """Parts for each format, counts, and the moment at which the poll began."""
    house.source.seconds = 0.5
    house.poller.poll()

    snapshot = house.view.snapshot
    assert snapshot.polled == 1000.0
    assert (snapshot.samples, snapshot.body_bytes) == (1, 99)
    assert b"".join(snapshot.parts[Format.TEXT].chunks).endswith(b"slurm_jobs 7\n")
    assert house.view.health.last_success == 1_001_000.0
    assert house.view.health.recent[-1].duration == 0.5
    assert house.view.health.dropped["foreign"] == 2


def test_formats_that_come_to_the_same_text_share_their_bytes(house: House) -> None:
    """A page of gauges is kept once, not twice."""
    house.poller.poll()
    parts = house.view.snapshot.parts
    assert parts[Format.TEXT] is parts[Format.OPENMETRICS]

    family = Family("slurm_jobs", "unknown", "All", (), [("7",)])
    house.source.outcome = Answer((family,), {}, 99, b"2")
    house.poller.poll()
    parts = house.view.snapshot.parts
    assert b"untyped" in b"".join(parts[Format.TEXT].chunks)
    assert b"unknown" in b"".join(parts[Format.OPENMETRICS].chunks)


def test_global_labels_are_rendered_into_the_parts(clock: ManualClock) -> None:
    """Once per poll, not once per scrape."""
    house = House(clock, labels=(("cluster", "c1"),))
    house.poller.poll()

    assert b'slurm_jobs{cluster="c1"} 7' in b"".join(house.view.snapshot.parts[Format.TEXT].chunks)


def test_the_same_answer_is_neither_parsed_nor_rendered_again(house: House) -> None:
    """The snapshot is as fresh as the new poll, with the bytes of the old one."""
    house.poller.poll()
    parts = house.view.snapshot.parts
    house.clock.advance(30.0)
    house.poller.poll()

    assert house.view.snapshot.parts is parts
    assert house.view.snapshot.polled == 1030.0
    assert house.view.health.dropped["foreign"] == 4


def test_an_answer_that_is_shared_is_as_old_as_it_is(house: House) -> None:
    """Its age counts from when Slurm was asked, perhaps for another endpoint, also if repeated."""
    house.source.outcome = replace(GOOD, asked=990.0)
    house.poller.poll()
    assert house.view.snapshot.polled == 990.0

    house.source.outcome = replace(GOOD, asked=995.0)
    house.poller.poll()
    assert house.view.snapshot.polled == 995.0


def test_commands_are_asked_less_often(house: House) -> None:
    """Limits of age follow."""
    house.source.outcome = replace(GOOD, source="cli")
    house.run_for(125.0)
    assert house.source.polls == [1000.0, 1060.0, 1120.0]
    assert house.view.max_age == 310.0


def test_the_time_of_each_phase_is_kept(house: House) -> None:
    """An answer that is known is fetched, and nothing more."""
    house.source.seconds = 0.5
    house.poller.poll()
    house.poller.poll()

    health = house.view.health
    assert health.phase_counts == {"fetch": 2, "parse": 0, "render": 1, "compress": 1}
    assert health.phase_sums["fetch"] == 1.0


def test_a_failed_poll_keeps_the_phases_that_it_completed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time that was spent was spent."""
    monkeypatch.setattr(poller_module, "pack", lambda *args: 1 / 0)
    house.poller.poll()

    assert house.view.health.failure is not None
    assert house.view.health.phase_counts == {"fetch": 1, "parse": 0, "render": 1, "compress": 0}


def test_an_answer_that_could_not_be_rendered_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for known."""
    with monkeypatch.context() as patched:
        patched.setattr(poller_module, "pack", lambda *args: 1 / 0)
        house.poller.poll()
    assert house.view.health.failure.reason == "internal"

    house.poller.poll()
    assert house.view.snapshot is not None


def test_a_failed_poll_leaves_the_snapshot_alone(house: House) -> None:
    """And says why it failed."""
    house.poller.poll()
    good = house.view.snapshot

    house.source.outcome = PollTimeoutError("too slow")
    house.poller.poll()

    assert house.view.snapshot is good
    assert house.view.health.failure.reason == "timeout"
    assert house.view.health.failure.message == "too slow"


def test_a_bug_is_logged_with_its_traceback_and_counted(house: House) -> None:
    """And does not come out of poll()."""
    house.source.outcome = ZeroDivisionError("oops")

    with capture_logs() as logs:
        house.poller.poll()

    assert house.view.health.failures["internal"] == 1
    assert house.view.health.failure.message == "ZeroDivisionError: oops"
    (crash,) = [line for line in logs if line["event"] == "poll.crashed"]
    assert crash["exc_info"]


# ------------------------------------------------------------------ the loop


def test_polls_come_at_the_interval_from_the_offset_on(clock: ManualClock) -> None:
    """At a fixed rate, however long each takes."""
    house = House(clock, offset=4.0)
    house.source.seconds = 2.0

    house.run_for(100.0)

    assert house.source.polls == [1004.0, 1034.0, 1064.0, 1094.0]


def test_an_overrun_skips_the_missed_polls_and_counts_them(house: House) -> None:
    """Never two polls at once, and no volley afterwards."""
    house.source.seconds = 70.0
    house.source.outcome = ConnectError("the resolver took its time")

    house.run_for(100.0)

    assert house.source.polls == [1000.0, 1090.0]
    assert house.view.health.skipped == 2 + 1


def test_failures_back_off_and_the_first_success_returns_to_the_interval(house: House) -> None:
    """30, 60, 120, 120 seconds apart; then every 30 seconds again."""
    house.source.outcome = ConnectError("refused")
    house.run_for(460.0)
    assert house.source.polls == [1000.0, 1030.0, 1090.0, 1210.0, 1330.0, 1450.0]

    house.source.outcome = GOOD
    house.source.polls.clear()
    house.run_for(61.0)
    assert [b - a for a, b in zip(house.source.polls, house.source.polls[1:], strict=False)] == [
        30.0,
        30.0,
    ]


def test_slow_polls_stretch_the_interval_and_quick_ones_let_it_go_back(clock: ManualClock) -> None:
    """At a duty cycle of 0.1, polls of 6 s come every 60 s."""
    house = House(clock, max_duty_cycle=0.1)
    house.source.seconds = 6.0
    house.run_for(125.0)
    assert house.source.polls == [1000.0, 1060.0, 1120.0]
    assert house.view.health.effective_interval == 60.0
    assert house.view.max_age == 310.0

    house.source.seconds = 0.1
    house.source.polls.clear()
    house.run_for(61.0)
    assert house.view.health.effective_interval == 30.0


def test_an_answer_that_somebody_else_waited_for_stretches_the_interval(clock: ManualClock) -> None:
    """Who gets it for nothing would else find it stale, and be the next to ask."""
    house = House(clock, max_duty_cycle=0.1)
    house.source.outcome = replace(GOOD, took=6.0)
    house.run_for(125.0)
    assert house.source.polls == [1000.0, 1060.0, 1120.0]
    assert house.view.health.effective_interval == 60.0

    house.source.outcome = GOOD
    house.run_for(61.0)
    assert house.view.health.effective_interval == 30.0


def test_a_poller_goes_on_after_a_bug(house: House) -> None:
    """An endpoint is never silent for ever."""
    house.source.outcome = RuntimeError("oops")
    house.run_for(95.0)
    house.source.outcome = GOOD
    house.run_for(95.0)

    assert house.view.health.up


def test_the_watchdog_is_promised_a_sign_of_life(clock: ManualClock) -> None:
    """Before the first poll, during one, and until the next."""
    house = House(clock, offset=4.0)
    seen: list[float] = []
    house.source.poll = lambda *_: seen.append(house.view.health.expected) or GOOD

    assert house.view.health.expected == float("inf")
    house.run_for(5.0)

    assert seen == [1004.0 + JOBS.timeout + GRACE]
    assert house.view.health.expected == 1034.0 + GRACE


# ------------------------------------------------------------------ the log


def events(logs: list[dict[str, object]]) -> list[str]:
    return [str(line["event"]) for line in logs if line["log_level"] != "debug"]


def test_a_change_is_logged_once_and_not_each_poll(clock: ManualClock) -> None:
    """Up, failing, stale, expired, up: five lines however many polls there are."""
    house = House(clock)
    with capture_logs() as logs:
        house.run_for(61.0)
        house.source.outcome = ConnectError("127.0.0.1:6817: connection refused")
        house.run_for(400.0)
        house.source.outcome = GOOD
        house.run_for(300.0)

    assert events(logs) == [
        "endpoint.up",
        "endpoint.failing",
        "endpoint.stale",
        "endpoint.expired",
        "endpoint.up",
    ]
    failing = next(line for line in logs if line["event"] == "endpoint.failing")
    assert failing["endpoint"] == "jobs"
    assert failing["reason"] == "connect"
    assert failing["error"] == "127.0.0.1:6817: connection refused"


def test_a_state_that_time_alone_changes_is_logged_when_it_changes(clock: ManualClock) -> None:
    """Not at the next poll, which may be minutes away while it backs off."""
    house = House(clock)
    house.run_for(1.0)
    house.source.outcome = ConnectError("refused")
    with capture_logs() as logs:
        house.run_for(400.0)

    ages = {line["event"]: line["age"] for line in logs if "age" in line}
    assert ages["endpoint.stale"] == house.view.stale_after
    assert ages["endpoint.expired"] == house.view.max_age


def test_another_reason_is_another_line(house: House) -> None:
    """Refused is not the same trouble as too slow."""
    with capture_logs() as logs:
        house.source.outcome = ConnectError("refused")
        house.run_for(1.0)
        house.source.outcome = PollTimeoutError("too slow")
        house.run_for(1.0)

    assert [line["reason"] for line in logs if line["event"] == "endpoint.failing"] == [
        "connect",
        "timeout",
    ]


def test_each_poll_has_a_debug_line(house: House) -> None:
    """With what it brought, or why it failed."""
    with capture_logs() as logs:
        house.poller.poll()
        house.source.outcome = ConnectError("refused")
        house.poller.poll()

    good, bad = (line for line in logs if line["event"] == "poll.finished")
    assert (good["samples"], good["dropped"]) == (1, {"foreign": 2})
    assert (bad["reason"], bad["error"]) == ("connect", "refused")
    assert good["log_level"] == bad["log_level"] == "debug"


# ------------------------------------------------------------------ reloads


def test_a_new_poller_does_not_say_again_what_the_old_one_said(clock: ManualClock) -> None:
    """A reload is no change of an endpoint's state."""
    house = House(clock)
    house.run_for(1.0)
    with capture_logs() as logs:
        again = Poller(JOBS, house.source, house.store, monotonic=clock, wall=clock)
        again.run(StopAt(clock, clock.now + 1.0))

    assert events(logs) == []


class ToldLate(StopAt):
    """A stop signal that comes right after somebody has looked for it."""

    told = False

    def is_set(self) -> bool:
        told, self.told = self.told, True
        return told


def test_an_endpoint_may_leave_the_store_at_any_moment(clock: ManualClock) -> None:
    """Its thread looks for it in vain, is told to leave by then, and leaves without a word."""
    house = House(clock)
    stop = ToldLate(clock, clock.now + 60.0)

    def poll(known: bytes) -> Answer:
        house.store.configure([])
        return GOOD

    house.source.poll = poll
    house.poller.run(stop)

    assert stop.told


def test_an_endpoint_that_is_missing_without_a_reload_is_a_bug(clock: ManualClock) -> None:
    house = House(clock)
    house.store.configure([])
    with pytest.raises(KeyError):
        house.run_for(1.0)


def test_the_watchdog_learns_of_a_thread_that_waits_too_long_for_the_one_before(
    clock: ManualClock,
) -> None:
    """The promise is that the old poll ends within its timeout."""
    house = House(clock)
    gone = threading.Event()
    before = threading.Thread(target=gone.wait)
    before.start()

    house.poller.run(StopAt(clock, clock.now + 1.0), before)
    gone.set()
    before.join()

    assert house.source.polls == []
    assert house.view.health.expected == 1000.0 + JOBS.timeout + GRACE
