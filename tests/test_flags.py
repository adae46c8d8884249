"""Flags: what each may be, and how they override the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.cli import main
from slurm_exporter.config import DEFAULT_ENDPOINTS, Config, Endpoint
from slurm_exporter.flags import configured, parser
from tests.processes import FREE_PORT, Exporter, read_samples, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_slurmctld import FakeSlurmctld

pytestmark = pytest.mark.usefixtures("logging_as_before")

FLAGS = (
    "--config.file",
    "--config",
    "--config.check",
    "--once",
    "--demo",
    "--web.listen-address",
    "--web.systemd-socket",
    "--web.config.file",
    "--web.telemetry-path",
    "--web.enable-lifecycle",
    "--log.level",
    "--log.format",
    "--version",
)


@pytest.fixture
def config(tmp_path: Path, slurmctld: FakeSlurmctld) -> Exporter:
    """A config file that points to the fake slurmctld."""
    return Exporter(tmp_path, settings(slurmctld.url))


def exit_code(*arguments: str) -> object:
    """The exit code where argparse itself ends the command."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_help_explains_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    words = capsys.readouterr().out.replace(",", " ").split()
    assert set(FLAGS) - set(words) == set()


# ------------------------------------------------------------------ wrong flags


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("--web.listen-address", "nonsense", "must be HOST:PORT such as :9341 or 127.0.0.1:9341"),
        ("--web.listen-address", ":70000", "must be a port from 0 to 65535, not '70000'"),
        ("--web.listen-address", "::1:9341", "an IPv6 address needs brackets"),
        ("--web.listen-address", "", "must be HOST:PORT such as :9341"),
        ("--web.telemetry-path", "", "must be a path that starts with /"),
        ("--web.telemetry-path", "metrics", "must be a path that starts with /"),
        ("--web.telemetry-path", "/-/ready", "is another page of slurm_exporter"),
    ],
)
def test_a_bad_value_of_a_flag_is_a_sentence(
    flag: str, value: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([flag, value]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{flag}: ")
    assert sentence in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--log.level", "chatty"), "argument --log.level: invalid choice: 'chatty'"),
        (("--log.format", "xml"), "argument --log.format: invalid choice: 'xml'"),
        (("--config.file",), "argument --config.file/--config: expected one argument"),
        (("--config.file=",), "argument --config.file/--config: must be the path of a file"),
        (("--web.config.file=",), "argument --web.config.file: must be the path of a file"),
        (
            ("--web.systemd-socket", "--web.listen-address=:1"),
            "argument --web.listen-address: not allowed with argument --web.systemd-socket",
        ),
        (("--onc",), "unrecognized arguments: --onc"),
        (("jobs",), "unrecognized arguments: jobs"),
    ],
)
def test_wrong_usage_is_a_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*arguments) == 2
    assert sentence in capsys.readouterr().err


def test_two_places_for_users_or_certificates_are_one_too_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever lost would be off unnoticed."""
    (tmp_path / "web.yml").write_text("{}", encoding="utf-8")
    pem = tmp_path / "server.pem"
    pem.touch()
    protected = {
        "basic_auth": {"enabled": True, "username": "admin", "password": "password"},
        "ssl": {"enabled": True, "cert_file": str(pem), "key_file": str(pem)},
    }
    config = Exporter(tmp_path, {"server": protected})
    assert main([f"--config.file={config.file}", f"--web.config.file={tmp_path / 'web.yml'}"]) == 2
    assert capsys.readouterr().err == (
        "--web.config.file: cannot be used together with server.basic_auth;"
        " move its user to basic_auth_users\n"
        "--web.config.file: cannot be used together with server.ssl;"
        " move its files to tls_server_config\n"
    )


# ------------------------------------------------------------------ flags and file


def test_demo_polls_a_simulated_slurmctld_in_place_of_the_configs(
    tmp_path: Path, slurmctld: FakeSlurmctld, capfd: pytest.CaptureFixture[str]
) -> None:
    config = Exporter(tmp_path, settings(slurmctld.url))
    assert main(["--demo", "--once", "--config.file", str(config.file)]) == 0
    assert slurmctld.requests == {}
    page = read_samples(capfd.readouterr().out)
    assert page["slurm_nodes", frozenset()] > 100


def test_demo_takes_nothing_that_leads_to_the_real_slurmctld(
    tmp_path: Path, slurmctld: FakeSlurmctld, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its command is not run, and its headers go nowhere."""
    touched = tmp_path / "touched"
    settings_of_the_real = settings(slurmctld.url)
    settings_of_the_real["slurm"] |= {
        "authorization": {"token_command": ["touch", str(touched)]},
        "headers": {"X-Scope": "hpc"},
    }
    config = Exporter(tmp_path, settings_of_the_real)
    assert main(["--demo", "--once", "--config.file", str(config.file)]) == 0
    assert not touched.exists()
    assert "slurm_nodes" in capfd.readouterr().out


def test_demo_runs_no_command_of_slurms(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They would ask the real one."""
    (tmp_path / "squeue").write_text(f"#!/bin/sh\ntouch {tmp_path}/touched\n")
    (tmp_path / "squeue").chmod(0o755)
    slurm = {"source": "cli", "cli": {"path": str(tmp_path)}}
    config = Exporter(tmp_path, {"slurm": slurm, "endpoints": [{"name": "jobs"}]})
    assert main(["--demo", "--once", "--config.file", str(config.file)]) == 0
    assert not (tmp_path / "touched").exists()
    assert "slurm_jobs_running" in capfd.readouterr().out


def test_demo_has_something_to_show_where_only_commands_would_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The simulation has no commands, so it falls back to what it has."""
    queue = Endpoint("queue", "", source="cli")
    mixed = Config("x.yml", endpoints=(queue, Endpoint("nodes", "/metrics/nodes", source="cli")))
    flags = parser().parse_args(["--demo", "--config.file=x.yml"])

    monkeypatch.setattr("slurm_exporter.flags.load", lambda _: mixed)
    config = configured(flags, ("http://127.0.0.1:1",))
    assert [(e.name, e.source) for e in config.endpoints] == [("nodes", "openmetrics")]

    monkeypatch.setattr("slurm_exporter.flags.load", lambda _: replace(mixed, endpoints=(queue,)))
    config = configured(flags, ("http://127.0.0.1:1",))
    assert [e.name for e in config.endpoints] == [e.name for e in DEFAULT_ENDPOINTS]
    assert {e.source for e in config.endpoints} == {"openmetrics"}


def test_flags_override_the_file(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    """What flags do not say stays as the file has it."""
    config = settings(slurmctld.url, names=["jobs"]) | {
        "server": {
            "listen": "127.0.0.1:1",
            "telemetry_path": "/old",
        },
        "logging": {"level": "error", "format": "json"},
    }
    (tmp_path / "web.yml").write_text("{}", encoding="utf-8")
    flags = [
        FREE_PORT,
        "--web.listen-address=127.0.0.2:0",
        "--web.telemetry-path=/new",
        "--web.enable-lifecycle",
        f"--web.config.file={tmp_path / 'web.yml'}",
        "--log.level=info",
        "--log.format=logfmt",
    ]
    with Exporter(tmp_path, config, *flags) as exporter:
        (started,) = exporter.log("exporter.started")
        statuses = [exporter.get(path).status for path in ("/new", "/old")]
        reloaded = exporter.get("/-/reload", "POST").status
    assert [address.rpartition(":")[0] for address in started["listen"].split()] == [
        "127.0.0.1",
        "127.0.0.2",
    ]
    assert (statuses, reloaded) == ([200, 404], 200)
    assert (started["slurm"], started["endpoints"]) == (slurmctld.url, "jobs=1s")
