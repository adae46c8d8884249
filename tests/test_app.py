"""The exporter in this process: start, stop, reload, and what it says of itself."""

from __future__ import annotations

import base64
import math
import re
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, final

import pytest
from structlog.testing import capture_logs

from slurm_exporter.app import App
from slurm_exporter.config import Address, BasicAuth, Config, Server, Slurm, Tls, refreshed
from slurm_exporter.courtesy import Answering
from slurm_exporter.errors import ConfigError, ListenError, Problem
from slurm_exporter.poller import GRACE
from tests.conftest import ManualClock
from tests.fake_slurmctld import nothing
from tests.locked import hashed, put_web_config
from tests.polls import JOBS, NODES, SCHEDULER, Blocking, ask_instead, threads, until_polled
from tests.processes import Samples, get, read_logfmt, read_samples, samples_of, series, until
from tests.web.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from slurm_exporter.snapshot import View
    from slurm_exporter.sources import Source
    from tests.fake_slurmctld import FakeSlurmctld

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.fixture(autouse=True)
def _first_polls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slurm_exporter.schedule.SPREAD", 0.0)


@pytest.fixture
def config(slurmctld: FakeSlurmctld) -> Config:
    """Three endpoints of the fake slurmctld, each polled once and then not for an hour."""
    return Config(
        slurm=Slurm(urls=(slurmctld.url,)),
        server=Server(listen=(Address("127.0.0.1", 0),), enable_lifecycle=True),
        endpoints=(JOBS, NODES, SCHEDULER),
    )


@final
class Running:
    """An App that runs, and the config that its next reload will find."""

    def __init__(self, config: Config) -> None:
        self.config: Config | ConfigError = config
        self.app = App(config, self._load)

    def _load(self) -> Config:
        if isinstance(self.config, ConfigError):
            raise self.config
        return self.config

    def __enter__(self) -> Running:
        (address,) = self.app.start()
        self.port = int(address.rpartition(":")[2])
        return self

    def __exit__(self, *_: object) -> None:
        self.app.stop()

    @property
    def view(self) -> View:
        """The store, as the pages see it."""
        return self.app._store.view()

    def polled(self, times: int = 1) -> Running:
        """Wait until every endpoint was polled so often."""
        until_polled(self.app._store, times)
        return self

    def reload(self, config: Config) -> None:
        """Go on with another config."""
        self.config = config
        self.app.reload()

    def samples(self) -> Samples:
        """Scrape."""
        return read_samples(get(self.port, "/metrics").text)

    def own(self, what: str, **labels: str) -> float | None:
        """The value of ``slurm_exporter_<what>``."""
        return self.samples().get(series(f"slurm_exporter_{what}", **labels))


def with_source(
    config: Config, source: Source, monotonic: Callable[[], float] = time.monotonic
) -> Running:
    """An App, not yet started, whose only poller asks ``source``."""
    running = Running(replace(config, endpoints=(JOBS,)))
    ask_instead(running.app._polling, source, monotonic)
    return running


@pytest.fixture
def running(config: Config) -> Iterator[Running]:
    """An App whose endpoints have all been polled."""
    with Running(config) as running:
        yield running.polled()


# ------------------------------------------------------------------ start and stop


def test_it_runs_one_thread_for_each_endpoint_and_one_for_the_web(running: Running) -> None:
    assert threads() == {"web", "poller-jobs", "poller-nodes", "poller-scheduler"}


def test_nothing_survives_a_stop(config: Config) -> None:
    with Running(config) as running:
        running.polled()
    assert threads() == set()
    with pytest.raises(ConnectionRefusedError):
        get(running.port, "/metrics")


def test_a_page_can_be_had_before_the_first_poll(config: Config, slurmctld: FakeSlurmctld) -> None:
    """Whoever scrapes right after the start learns that nothing is known yet."""
    slurmctld.stop()
    with Running(config) as running:
        assert running.own("endpoint_up", endpoint="scheduler") == 0
        assert running.own("endpoint_age_seconds", endpoint="scheduler") is None
    slurmctld.start()


def test_a_taken_port_leaves_nothing_running(config: Config, running: Running) -> None:
    """All addresses are bound before anything starts; those that were free are free again."""
    before = threads()
    taken = Address("127.0.0.1", running.port)
    free = Address("127.0.0.2", taken.port)
    app = App(replace(config, server=Server(listen=(free, taken))), lambda: config)
    with pytest.raises(ListenError, match=f"cannot listen on {taken}: address already in use"):
        app.start()
    assert threads() == before
    with Running(replace(config, server=Server(listen=(free,)))) as other:
        assert other.port == free.port


def test_stopping_names_the_poller_that_does_not_end(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slurm_exporter.app.POLL_GRACE", 0.05)
    source = Blocking()
    running = with_source(config, source)
    with capture_logs() as log, running:
        assert source.asked.wait(10)
    source.go_on.set()
    until(lambda: not threads(), "its end")
    assert {
        "event": "exporter.threads_left",
        "threads": "poller-jobs",
        "log_level": "warning",
    } in log


def test_stopping_names_the_web_server_that_does_not_end(config: Config) -> None:
    with capture_logs() as log, Running(config) as running:
        stop = running.app._web.stop
        running.app._web.stop = lambda: stop() and False
    assert [line["threads"] for line in log if line["event"] == "exporter.threads_left"] == ["web"]


# ------------------------------------------------------------------ the watchdog


def test_a_hanging_poller_turns_healthy_to_503_and_is_named(config: Config) -> None:
    """Its clock is a minute behind, so that its poll is overdue as soon as it has begun."""
    source = Blocking()
    past = ManualClock(time.monotonic() - 60.0)
    with with_source(config, source, past) as running:
        assert source.asked.wait(10)
        healthy = get(running.port, "/-/healthy")
        source.go_on.set()
    overdue = math.floor(60.0 - JOBS.timeout - GRACE)
    assert healthy.status == 503
    assert re.fullmatch(
        rf"thread poller-jobs hangs: it is ({overdue}|{overdue + 1}) s overdue\n", healthy.text
    )


# ------------------------------------------------------------------ in a line


def test_all_is_said_in_a_line(running: Running, slurmctld: FakeSlurmctld) -> None:
    assert running.app.summary() == f"3 of 3 endpoints up, slurmctld at {slurmctld.url}"


def test_a_slurmctld_that_nobody_asks_is_not_named(config: Config) -> None:
    """As where commands answer for all endpoints."""
    endpoints = tuple(replace(one, source="cli") for one in config.endpoints)
    app = App(replace(config, endpoints=endpoints), lambda: config)
    assert app.summary() == "0 of 3 endpoints up, commands asked"


def test_the_line_names_what_is_wrong(
    running: Running, config: Config, slurmctld: FakeSlurmctld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing endpoint, a reload that failed, a thread that is dead."""
    slurmctld.behaviours["/metrics/jobs"] = nothing("503 Service Unavailable")
    running.reload(replace(config, endpoints=(replace(JOBS, interval=1800.0), NODES, SCHEDULER)))
    until(lambda: slurmctld.requests["/metrics/jobs"] == 2, "the poll")
    until(lambda: not running.view[0].health.up, "its failure")
    running.config = ConfigError((Problem("a.yml", 3, "slurm.url", "must be a URL"),))
    with pytest.raises(ConfigError):
        running.app.reload()
    monkeypatch.setattr(running.app._polling._pollers, "dead", lambda: ["poller-jobs"])
    assert running.app.summary() == (
        f"2 of 3 endpoints up, slurmctld at {slurmctld.url}, thread poller-jobs is dead,"
        " the last reload failed, the config before it is in use"
    )


# ------------------------------------------------------------------ reload


class Noticed(Answering):
    """Remembers which threads answered, and which asked whether somebody does."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: set[str] = set()
        self.asked: set[str] = set()

    def __enter__(self) -> None:
        self.answered.add(threading.current_thread().name)
        super().__enter__()

    def under_way(self) -> bool:
        self.asked.add(threading.current_thread().name)
        return super().under_way()


def test_polls_give_way_to_scrapes_also_after_a_reload(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer counts for all pollers, whichever config they are from."""
    noticed = Noticed()
    monkeypatch.setattr("slurm_exporter.app.Answering", lambda: noticed)
    pollers = {"poller-jobs", "poller-nodes", "poller-scheduler"}
    with Running(config) as running:
        running.polled()
        assert noticed.asked == pollers
        running.samples()
        assert noticed.answered == {"web"}
        noticed.asked.clear()
        running.reload(replace(config, labels=(("cluster", "alpha"),)))
        until(lambda: noticed.asked == pollers, "the polls of the new config", 10)


def test_a_reload_gives_the_new_labels_to_all_that_comes(running: Running, config: Config) -> None:
    running.reload(replace(config, labels=(("cluster", "alpha"),)))
    until(lambda: series("slurm_nodes", cluster="alpha") in running.samples(), "the label")
    assert running.own("endpoint_up", endpoint="jobs", cluster="alpha") == 1
    assert running.own("build_info") is None


def test_a_reload_can_close_the_door(running: Running, config: Config) -> None:
    server = replace(config.server, basic_auth=BasicAuth((("admin", "password"),)))
    running.reload(replace(config, server=server))
    assert get(running.port, "/metrics").status == 401


def test_a_reload_says_what_takes_a_restart(
    running: Running, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    server = replace(config.server, listen=(Address("127.0.0.1", 1),))
    for _ in range(2):  # what was not done after the first reload is still to be done
        running.reload(replace(config, server=server))
    log = [read_logfmt(line) for line in capsys.readouterr().err.splitlines()]
    warnings = [(line["event"], line["keys"]) for line in log if line["level"] == "warning"]
    assert warnings == [("config.needs_restart", "server.listen")] * 2
    assert running.samples()
    running.reload(config)
    assert "needs_restart" not in capsys.readouterr().err


def test_a_failed_reload_changes_nothing_but_says_so(running: Running) -> None:
    before = [(view.endpoint, view.snapshot) for view in running.polled().view]
    loaded = running.own("config_last_reload_success_timestamp_seconds")
    running.config = ConfigError((Problem("a.yml", 3, "slurm.url", "must be a URL"),))
    with capture_logs() as log, pytest.raises(ConfigError, match=r"a\.yml:3: slurm\.url"):
        running.app.reload()
    assert [(view.endpoint, view.snapshot) for view in running.view] == before
    until(lambda: running.own("config_last_reload_successful") == 0, "the gauge to fall")
    assert running.own("config_last_reload_success_timestamp_seconds") == loaded
    assert [(entry["event"], entry["error"]) for entry in log] == [
        ("config.not_reloaded", "a.yml:3: slurm.url: must be a URL")
    ]


def test_a_reload_after_a_failed_one_says_that_all_is_well_again(
    running: Running, config: Config
) -> None:
    running.config = ConfigError((Problem("a.yml", 3, "slurm.url", "must be a URL"),))
    with pytest.raises(ConfigError):
        running.app.reload()
    until(lambda: running.own("config_last_reload_successful") == 0, "the gauge to fall")
    running.reload(config)
    until(lambda: running.own("config_last_reload_successful") == 1, "the gauge to rise")


def test_a_reload_can_be_asked_for_over_http(running: Running, config: Config) -> None:
    running.config = replace(config, endpoints=(JOBS,))
    assert get(running.port, "/-/reload", "POST").status == 200
    assert [view.endpoint.name for view in running.view] == ["jobs"]


def test_a_log_file_that_cannot_be_opened_fails_the_reload(
    running: Running, config: Config
) -> None:
    logs = replace(config.logging, output="/nonexistent/exporter.log")
    with pytest.raises(ConfigError, match=r"logging\.output: cannot write to /non"):
        running.reload(replace(config, logging=logs))
    assert running.own("config_last_reload_successful") == 0
    assert running.app.problems() == []


def test_a_reload_under_way_starts_nothing_after_a_stop(running: Running, config: Config) -> None:
    running.app.stop()
    running.reload(replace(config, endpoints=(JOBS,)))
    assert threads() == set()


# ------------------------------------------------------------------ files that change


@pytest.fixture
def web_config(config: Config, tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    """An App whose users are in a web config file."""
    file = tmp_path / "web.yml"
    put_web_config(file, basic_auth_users={"alice": hashed("one")})
    server = replace(config.server, web_config_file=str(file))
    running = Running(replace(config, server=refreshed(server)))
    running.app._load = lambda: replace(config, server=refreshed(server))
    with running:
        yield running.polled(), file


def status(running: Running, user: str, password: str) -> int:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return get(running.port, "/-/healthy", Authorization=f"Basic {credentials}").status


def test_users_that_changed_count_without_a_reload(web_config: tuple[Running, Path]) -> None:
    """As with Prometheus' other exporters."""
    running, file = web_config
    assert status(running, "alice", "one") == 200

    put_web_config(file, basic_auth_users={"bob": hashed("two")})
    with capture_logs() as logs:
        running.app.refresh()
        running.app.refresh()

    assert status(running, "alice", "one") == 401
    assert status(running, "bob", "two") == 200
    assert [line["event"] for line in logs if "auth" in line["event"]] == ["auth.users_loaded"]


def test_an_edit_of_the_config_counts_only_when_it_is_reloaded(
    web_config: tuple[Running, Path],
) -> None:
    """Changed users take nothing else of it into force, and its mistakes do not hold them up."""
    running, file = web_config
    running.app._load = lambda: pytest.fail("the config was loaded")
    put_web_config(file, basic_auth_users={"bob": hashed("two")})
    running.app.refresh()
    assert status(running, "bob", "two") == 200


def test_users_that_change_during_a_reload_hold_up_neither(
    web_config: tuple[Running, Path],
) -> None:
    """Whoever looks at the files has them in hand when the reload wants them."""
    running, file = web_config
    looking = threading.Thread(target=running.app.refresh)
    known, load = running.app._protection.server, running.app._load

    def interrupted() -> Config:
        put_web_config(file, basic_auth_users={"bob": hashed("two")})
        looking.start()
        until(lambda: running.app._protection.server is not known, "the look")
        return load()

    running.app._load = interrupted
    running.app.reload()
    looking.join(10)
    assert not looking.is_alive()
    assert status(running, "bob", "two") == 200


def test_files_that_cannot_be_used_are_counted(config: Config, tmp_path: Path) -> None:
    users = BasicAuth((("alice", "one"),), file=str(tmp_path / "gone"))
    app = App(replace(config, server=replace(config.server, basic_auth=users)), lambda: config)
    with capture_logs():
        app.refresh()
    assert samples_of(app.collect())[series("slurm_exporter_web_file_failures_total")] == 1


def test_what_is_asked_for_in_vain_is_said_at_start_and_reload(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody counts on it."""
    noted = replace(config, server=replace(config.server, notes=("http2: in vain",)))
    with capture_logs() as logs, Running(noted) as running:
        running.reload(noted)
    assert [line["note"] for line in logs if line["event"] == "config.without_effect"] == [
        "http2: in vain"
    ]
    log = [read_logfmt(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["note"] for line in log if line["event"] == "config.without_effect"] == [
        "http2: in vain"
    ]


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """A certificate with its key."""
    return Authority(tmp_path, "authority").issue("server")


def test_a_reload_with_a_certificate_that_cannot_be_used_changes_nothing(
    config: Config, tls: Tls
) -> None:
    """It is an error of the config, like any other."""
    secure = replace(config, server=replace(config.server, tls=tls))
    with Running(secure) as running:
        broken = replace(secure.server, tls=replace(tls, key_file="/nonexistent"))
        with pytest.raises(ConfigError, match=r"server\.ssl: cannot use \S+ with /nonexistent: "):
            running.reload(replace(secure, server=broken, endpoints=(JOBS,)))
        assert [view.endpoint for view in running.view] == [JOBS, NODES, SCHEDULER]
        assert running.app._protection.server is secure.server


def test_what_takes_a_restart_is_said_without_a_reload_too(
    config: Config, tls: Tls, tmp_path: Path
) -> None:
    """All else of the file counts at once."""
    file = tmp_path / "web.yml"
    section = {"cert_file": tls.cert_file, "key_file": tls.key_file}
    put_web_config(file, tls_server_config=section)
    server = refreshed(replace(config.server, web_config_file=str(file)))
    app = App(replace(config, server=server), lambda: config)
    put_web_config(file, tls_server_config=section | {"curve_preferences": ["CurveP256"]})
    with capture_logs() as logs:
        app.refresh()
    assert [line["event"] for line in logs] == ["config.needs_restart", "auth.users_loaded"]
    assert logs[0]["keys"] == "tls_server_config"
