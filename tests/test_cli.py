"""The command: every flag and every exit code, in this process where no signal is involved."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from slurm_exporter import __version__, cli
from slurm_exporter.app import App
from slurm_exporter.cli import main
from tests.fake_sacct import FakeSacct
from tests.fake_slurmctld import FIXTURES, NAMES, hang, nothing, recorded
from tests.processes import (
    COMMAND,
    FREE_PORT,
    REPOSITORY,
    Exporter,
    read_logfmt,
    read_samples,
    settings,
    slurms_own,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from tests.fake_slurmctld import FakeSlurmctld

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.fixture
def config(tmp_path: Path, slurmctld: FakeSlurmctld) -> Exporter:
    """A config file that points to the fake slurmctld."""
    return Exporter(tmp_path, settings(slurmctld.url))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a child process."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def exit_code(*arguments: str) -> object:
    """The exit code where argparse itself ends the command."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


# ------------------------------------------------------------------ about itself


def test_version_names_the_program_its_version_and_the_interpreter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code("--version") == 0
    assert (
        capsys.readouterr().out
        == f"slurm_exporter {__version__} (Python {platform.python_version()})\n"
    )


def test_the_module_runs_as_the_command_does() -> None:
    result = run("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("slurm_exporter ")


# ------------------------------------------------------------------ --config.check


@pytest.mark.parametrize("flag", ["--config.file", "--config"])
def test_checking_a_good_file_says_so(
    flag: str, config: Exporter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([flag, str(config.file), "--config.check"]) == 0
    assert capsys.readouterr() == (f"{config.file}: ok, 5 endpoints\n", "")


def test_the_shipped_example_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    example = str(REPOSITORY / "etc" / "slurm_exporter.yml")
    assert main(["--config.file", example, "--config.check"]) == 0
    assert capsys.readouterr().out == f"{example}: ok, 5 endpoints\n"


def test_the_defaults_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config.check"]) == 0
    assert capsys.readouterr().out == "the defaults: ok, 5 endpoints\n"


def test_checking_a_bad_file_lists_all_its_problems_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each problem is a line with the file, the line in it, the key's path and what is allowed."""
    file = tmp_path / "bad.yml"
    file.write_text(
        "slurm: {url: 'ftp://ctl1'}\n"
        "server: {prot: 8080}\n"
        "endpoints:\n"
        "  - {name: jobs, interval: 5s, timeout: 6s}\n"
        "  - {name: jobs, interval: soon}\n"
        "labels: {node: x, 9lives: y}\n",
        encoding="utf-8",
    )
    assert main(["--config.file", str(file), "--config.check"]) == 2
    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert output.out == ""
    for number, path, word in [
        (1, "slurm.url", "a URL such as"),
        (2, "server.prot", "did you mean `port`?"),
        (4, "endpoints[0].timeout", "6s is longer than the interval of 5s"),
        (5, "endpoints[1].name", "first on line 4"),
        (5, "endpoints[1].interval", "a duration such as 30s"),
        (6, "labels.node", "Slurm"),
        (6, "labels.9lives", "starts with no digit"),
    ]:
        begin = f"{file}:{number}: {path}: "
        assert any(line.startswith(begin) and word in line for line in lines), (begin, lines)
    assert len(lines) == 7


def test_checking_finds_a_certificate_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = tmp_path / "server.pem"
    pem.write_text("no certificate\n", encoding="utf-8")
    config = Exporter(
        tmp_path,
        {"server": {"ssl": {"enabled": True, "cert_file": "server.pem", "key_file": "server.pem"}}},
    )
    assert main(["--config.file", str(config.file), "--config.check"]) == 2
    output = capsys.readouterr()
    assert output.err.startswith(f"{config.file}: server.ssl: cannot use {pem} with {pem}: ")
    assert output.out == ""


def test_checking_finds_a_certificate_of_the_web_config_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem, web = tmp_path / "server.pem", tmp_path / "web.yml"
    pem.write_text("no certificate\n", encoding="utf-8")
    web.write_text(
        "tls_server_config: {cert_file: server.pem, key_file: server.pem}\n", encoding="utf-8"
    )
    assert main([f"--web.config.file={web}", "--config.check"]) == 2
    assert capsys.readouterr().err.startswith(
        f"{web}: tls_server_config: cannot use {pem} with {pem}: "
    )


def test_checking_says_what_is_asked_for_in_vain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = tmp_path / "web.yml"
    web.write_text("http_server_config: {http2: true}\n", encoding="utf-8")
    assert main([f"--web.config.file={web}", "--config.check"]) == 0
    assert capsys.readouterr().out.startswith("http_server_config.http2: only HTTP/1.1 is served")


def test_checking_makes_no_log_file(tmp_path: Path) -> None:
    """It would belong to whoever checks, and the service could not write to it."""
    config = Exporter(tmp_path, {"logging": {"output": str(tmp_path / "exporter.log")}})
    assert main(["--config.file", str(config.file), "--config.check"]) == 0
    assert not (tmp_path / "exporter.log").exists()


@pytest.mark.parametrize("extra", [(), ("--config.check",), ("--once",)])
def test_a_bad_file_is_wrong_usage_whatever_is_asked(
    extra: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    file = FIXTURES / "config" / "invalid-unknown-key.yml"
    assert main(["--config.file", str(file), *extra]) == 2
    assert f"{file}:2: slurm.timout: " in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--config.file", "--web.config.file"])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([flag, str(tmp_path / "missing.yml")]) == 2
    assert main([flag, str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path}/missing.yml: cannot read: No such file or directory\n"
        f"{tmp_path}: cannot read: Is a directory\n"
    )


# ------------------------------------------------------------------ what keeps it from starting


def test_a_taken_port_is_a_failure_and_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("--web.listen-address", address)
    assert result.returncode == 1
    assert result.stderr == f"slurm_exporter: cannot listen on {address}: address already in use\n"


def test_a_log_file_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    output = tmp_path / "missing" / "exporter.log"
    config = Exporter(tmp_path, {"logging": {"output": str(output)}})
    result = run(f"--config.file={config.file}", FREE_PORT)
    assert result.returncode == 2
    assert result.stderr == (
        f"{config.file}:1: logging.output: cannot write to {output}:"
        f" {output.parent} does not exist\n"
    )


# ------------------------------------------------------------------ --once


def test_once_prints_the_page_and_says_who_answered(
    config: Exporter, slurmctld: FakeSlurmctld, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """On standard error, where whoever tries it out reads it."""
    assert main(["--once", "--config.file", str(config.file)]) == 0
    output = capfdbinary.readouterr()
    sent = read_samples("".join(recorded(name).decode() for name in NAMES))
    page = read_samples(output.out.decode())
    assert len(slurms_own(page)) == len(sent)
    assert page["slurm_jobs_running", frozenset()] == sent["slurm_jobs_running", frozenset()]
    (said,) = output.err.decode().splitlines()
    facts = read_logfmt(said)
    assert (facts["event"], facts["source"]) == ("source.chosen", "openmetrics")
    assert slurmctld.requests == dict.fromkeys((f"/metrics/{name}" for name in NAMES), 1)


def test_once_names_the_endpoint_that_failed_and_why(
    config: Exporter, slurmctld: FakeSlurmctld, capfd: pytest.CaptureFixture[str]
) -> None:
    slurmctld.behaviours["/metrics/nodes"] = nothing("503 Service Unavailable")
    assert main(["--once", "--config.file", str(config.file)]) == 1
    output = capfd.readouterr()
    assert output.err.splitlines()[1:] == [
        f"nodes: http_status: {slurmctld.url}/metrics/nodes answered 503"
    ]
    page = read_samples(output.out)
    assert page["slurm_exporter_endpoint_up", frozenset({("endpoint", "nodes")})] == 0
    assert page["slurm_exporter_endpoint_up", frozenset({("endpoint", "jobs")})] == 1


def test_once_says_it_in_one_line_even_of_a_stranger(
    tmp_path: Path, slurmctld: FakeSlurmctld, capfd: pytest.CaptureFixture[str]
) -> None:
    """On a wrong port something else may answer, such as an SSH server."""
    slurmctld.behaviours["/metrics/jobs"] = greet
    config = Exporter(tmp_path, settings(slurmctld.url, names=["jobs"]))
    assert main(["--once", "--config.file", str(config.file)]) == 1
    error = capfd.readouterr().err
    assert error.startswith("jobs: connect: ")
    assert error.removesuffix("\n").isprintable()


def greet(connection: socket.socket, stop: threading.Event) -> None:
    """Speak another protocol than HTTP."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")


def test_once_waits_no_longer_than_the_timeout(
    tmp_path: Path, slurmctld: FakeSlurmctld, capfd: pytest.CaptureFixture[str]
) -> None:
    slurmctld.behaviours["/metrics/jobs"] = hang()
    config = Exporter(tmp_path, settings(slurmctld.url, names=["jobs"], timeout="200ms"))
    assert main(["--once", "--config.file", str(config.file)]) == 1
    assert capfd.readouterr().err == (
        f"jobs: timeout: no complete answer from {slurmctld.url}/metrics/jobs within 0.2 s\n"
    )


def test_once_keeps_standard_output_for_the_page_whatever_is_logged(
    tmp_path: Path, slurmctld: FakeSlurmctld, capfd: pytest.CaptureFixture[str]
) -> None:
    config = Exporter(
        tmp_path,
        settings(slurmctld.url, names=["jobs"]) | {"logging": {"output": "stdout"}},
    )
    arguments = ["--once", "--config.file", str(config.file), "--log.level", "debug"]
    assert main(arguments) == 0
    output = capfd.readouterr()
    assert read_samples(output.out)
    events = [read_logfmt(line)["event"] for line in output.err.splitlines()]
    assert events == ["source.chosen", "poll.finished"]


def test_once_leaves_alone_what_the_service_has_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Root's file would lock it out; what is shown begins anew."""
    state, programs = tmp_path / "state", tmp_path / "bin"
    state.mkdir()
    programs.mkdir()
    FakeSacct(programs).finish([(1, int(time.time()) - 600, "COMPLETED")])
    slurm = {"cli": {"path": str(programs), "state_directory": str(state)}}
    config = Exporter(tmp_path, {"slurm": slurm, "endpoints": [{"name": "history"}]})

    assert main(["--once", "--config.file", str(config.file)]) == 0

    output = capfd.readouterr()
    page = read_samples(output.out)
    labels = frozenset({("partition", "batch"), ("state", "completed")})
    assert page["slurm_history_jobs_total", labels] == 1
    assert page["slurm_history_state_saved", frozenset()] == 0
    assert list(state.iterdir()) == []
    assert "history.not_kept" not in output.err


def test_once_writes_utf8_whatever_the_locale_says(tmp_path: Path) -> None:
    config = Exporter(tmp_path, {"labels": {"site": "Zürich"}})
    result = subprocess.run(
        [*COMMAND, "--demo", "--once", f"--config.file={config.file}"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert 'site="Zürich"' in result.stdout.decode()


def test_a_reader_that_has_enough_is_no_error() -> None:
    """As in ``slurm_exporter --once | head -1``."""
    process = subprocess.Popen(
        [*COMMAND, "--demo", "--once"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_page_that_cannot_be_written_is_a_failure_and_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [*COMMAND, "--demo", "--once"],
            cwd=REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == "slurm_exporter: cannot write the page: no space left on device\n"


# ------------------------------------------------------------------ while it runs


def test_the_watchdog_hears_of_each_wait_whether_all_is_well() -> None:
    """A thread that hangs is cured by starting anew, and by nothing else."""
    reports: list[tuple[str, bool]] = []
    waits: list[float | None] = []
    numbers = iter([None, cli._DIED])
    problems = iter([[], ["thread poller-jobs hangs"]])

    def get(seconds: float | None) -> int | None:
        waits.append(seconds)
        return next(numbers)

    end = cli._run_until_end(
        SimpleNamespace(summary=lambda: "1 of 1", problems=lambda: next(problems)),
        SimpleNamespace(get=get),
        SimpleNamespace(interval=1.5, report=lambda line, *, well: reports.append((line, well))),
    )
    assert end == cli._DIED
    assert reports == [("1 of 1", True), ("1 of 1", False)]
    assert waits == [1.5, 1.5]


def test_sockets_of_systemd_are_missed_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--web.systemd-socket"]) == 1
    assert capsys.readouterr().err.startswith("slurm_exporter: systemd passed no socket; start")


def test_a_dead_web_server_ends_the_process_with_an_error(
    slurmctld: FakeSlurmctld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the service manager starts it again."""
    config = Exporter(tmp_path, settings(slurmctld.url, names=["jobs"]))

    def start(app: App, died: Callable[[], None]) -> list[str]:
        died()
        return ["127.0.0.1:1"]

    monkeypatch.setattr(App, "start", start)
    monkeypatch.setattr(App, "stop", lambda app: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGHUP, *cli._ENDING)}
    try:
        assert main(["--config.file", str(config.file)]) == 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
