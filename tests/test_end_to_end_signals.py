"""The command and its signals: end, end at once, load the config again."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fake_slurmctld import answer, hang
from tests.processes import FREE_PORT, Exporter, series, settings, until

if TYPE_CHECKING:
    from tests.fake_slurmctld import FakeSlurmctld

ENDING = (signal.SIGTERM, signal.SIGINT)


def catches(exporter: Exporter, number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal, or its end is the default."""
    status = Path(f"/proc/{exporter.process.pid}/status").read_text(encoding="utf-8")
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


# ------------------------------------------------------------------ the end


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it_cleanly(
    tmp_path: Path, slurmctld: FakeSlurmctld, number: signal.Signals
) -> None:
    with Exporter(tmp_path, settings(slurmctld.url), FREE_PORT) as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
        began = time.monotonic()
        assert exporter.end(number) == 0
        assert time.monotonic() - began < 3
    assert [line["event"] for line in exporter.log()][-2:] == [
        "exporter.stopping",
        "exporter.stopped",
    ]
    assert "Traceback" not in exporter.said()


def test_a_poll_that_hangs_does_not_keep_it_from_ending(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    slurmctld.behaviours["/metrics/jobs"] = hang()
    config = settings(slurmctld.url, names=["jobs"], interval="1m", timeout="1m")
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: slurmctld.requests, "the poll that hangs")
        began = time.monotonic()
        assert exporter.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 8
    assert exporter.log("exporter.threads_left", threads="poller-jobs")


def test_a_scrape_under_way_is_answered(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    """The client has read the first bytes of a page that no socket's buffer holds."""
    rows = "".join(f'slurm_user_jobs{{username="user{number}"}} 1\n' for number in range(50_000))
    text = f"# HELP slurm_user_jobs Jobs\n# TYPE slurm_user_jobs gauge\n{rows}"
    slurmctld.behaviours["/metrics/jobs-users-accts"] = answer(text.encode())
    config = settings(slurmctld.url, names=["jobs-users-accts"], interval="10m", timeout="1m") | {
        "labels": {"padding": "x" * 200}
    }
    with Exporter(tmp_path, config, FREE_PORT) as exporter, socket.socket() as client:
        until(lambda: exporter.get("/-/ready").status == 200, "the large page")
        client.connect(("127.0.0.1", exporter.port))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, body = client.recv(2048).partition(b"\r\n\r\n")
        exporter.process.send_signal(signal.SIGTERM)
        until(lambda: exporter.log("exporter.stopping"), "the begin of the end")
        client.settimeout(10)
        while data := client.recv(1 << 20):
            body += data
        assert exporter.process.wait(10) == 0
    assert f"content-length: {len(body)}\r\n".encode() in head + b"\r\n"
    assert len(body) > 10_000_000
    assert body.endswith(b"\n")
    assert not exporter.log("exporter.threads_left")


@pytest.mark.parametrize("number", ENDING)
def test_a_second_signal_ends_it_at_once(
    tmp_path: Path, slurmctld: FakeSlurmctld, number: signal.Signals
) -> None:
    slurmctld.behaviours["/metrics/jobs"] = hang()
    config = settings(slurmctld.url, names=["jobs"], interval="1m", timeout="1m")
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: slurmctld.requests, "the poll that hangs")
        exporter.process.send_signal(signal.SIGTERM)
        until(lambda: not catches(exporter, number), "the first signal to be taken")
        assert exporter.end(number, 1.5) == -number


def test_a_reload_that_waits_for_a_poll_does_not_hold_up_the_second_signal(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    slurmctld.behaviours["/metrics/jobs"] = hang()
    config = settings(slurmctld.url, names=["jobs"], interval="1m", timeout="1m")
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: slurmctld.requests, "the poll that hangs")
        exporter.process.send_signal(signal.SIGHUP)
        exporter.process.send_signal(signal.SIGTERM)
        until(lambda: not catches(exporter, signal.SIGTERM), "the first signal to be taken")
        assert exporter.end(signal.SIGTERM, 1.5) == -signal.SIGTERM


def blocks(task: Path, number: signal.Signals) -> bool:
    """Whether a thread is deaf to a signal."""
    lines = task.joinpath("status").read_text(encoding="utf-8").splitlines()
    mask = next(line for line in lines if line.startswith("SigBlk:"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [*ENDING, signal.SIGHUP])
def test_only_the_main_thread_hears_signals(
    tmp_path: Path, slurmctld: FakeSlurmctld, number: signal.Signals
) -> None:
    """One that another thread took would not wake the main thread, perhaps for ever."""
    with Exporter(tmp_path, settings(slurmctld.url), FREE_PORT, "--demo") as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
        pid = exporter.process.pid
        hearing = [
            task.name for task in Path(f"/proc/{pid}/task").iterdir() if not blocks(task, number)
        ]
    assert hearing == [str(pid)]


# ------------------------------------------------------------------ the config again


def test_sighup_loads_the_config_again(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    config = settings(slurmctld.url, names=["jobs"])
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "the first snapshot")
        exporter.configure(settings(slurmctld.url, names=["nodes"]) | {"labels": {"env": "test"}})
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: series("slurm_nodes", env="test") in exporter.samples(), "the new config")
        assert series("slurm_jobs") not in exporter.samples()
        assert exporter.value("config_last_reload_successful", env="test") == 1
    assert exporter.log("config.reloaded", config=str(exporter.file))


def test_sighup_with_a_bad_file_keeps_the_old_config(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """The log has every problem, with its line; a good file later is taken."""
    config = settings(slurmctld.url, names=["jobs"])
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "the first snapshot")
        exporter.configure(config | {"colour": "blue", "labels": {"9": "x"}})
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: exporter.value("config_last_reload_successful") == 0, "the failed reload")
        assert series("slurm_jobs") in exporter.samples()
        (line,) = exporter.log("config.not_reloaded", level="error")
        assert f"{exporter.file}:1: colour: unknown key" in line["error"]
        assert f"{exporter.file}:1: labels.9: " in line["error"]
        exporter.configure(config)
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: exporter.value("config_last_reload_successful") == 1, "the good file")
