"""What the command writes: a line where something changed, in one of two shapes, never a secret."""

from __future__ import annotations

import base64
import json
import platform
import re
import shutil
import signal
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from slurm_exporter import __version__
from slurm_exporter.cli import main
from tests.fake_slurmctld import FakeSlurmctld, answer, recorded
from tests.needs import need
from tests.processes import FREE_PORT, Exporter, read_logfmt, settings, until
from tests.sources.jwt import make_token
from tests.web.certificates import Authority

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable
    from pathlib import Path

SECRET = "correct-horse-battery"
READERS: dict[str, Callable[[str], dict[str, Any]]] = {"logfmt": read_logfmt, "json": json.loads}


def greet(connection: socket.socket, stop: threading.Event) -> None:
    """Speak another protocol, as on a wrong port."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")


# ------------------------------------------------------------------ what is written


def test_the_first_line_says_what_runs_where_and_on_what(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    config = settings(slurmctld.url, names=("jobs", "nodes"))
    config["endpoints"][1]["interval"] = "90s"
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        first = exporter.log()[0]
    del first["time"]
    assert first == {
        "level": "info",
        "event": "exporter.started",
        "version": __version__,
        "python": platform.python_version(),
        "config": str(exporter.file),
        "slurm": slurmctld.url,
        "endpoints": "jobs=1s nodes=1m30s",
        "listen": f"127.0.0.1:{exporter.port}",
        "tls": "false",
        "auth": "false",
    }


def test_without_a_config_it_says_so(tmp_path: Path) -> None:
    with Exporter(tmp_path, None, FREE_PORT) as exporter:
        (first,) = exporter.log("exporter.started")
    assert first["config"] == "none, running on the defaults"
    assert first["slurm"] == "http://localhost:6817"
    assert first["endpoints"] == "jobs=30s nodes=1m partitions=1m jobs-users-accts=2m scheduler=30s"


def test_the_demo_says_where_to_look(tmp_path: Path) -> None:
    """On standard output, while the log goes where it always goes."""
    with Exporter(tmp_path, None, FREE_PORT, "--demo") as exporter:
        urls = until(lambda: re.findall(r"http://\S+", exporter.stdout.read_text()), "the words")
        pages = [exporter.get(path).status for path in ("/", "/metrics")]
    assert urls == [f"http://127.0.0.1:{exporter.port}{path}" for path in ("/", "/metrics")]
    assert pages == [200, 200]
    assert exporter.log("exporter.started")


def test_the_demo_says_how_to_look_through_a_unix_socket(tmp_path: Path) -> None:
    """A browser cannot, curl can."""
    need("curl", None if shutil.which("curl") else "curl is not installed here")
    path = tmp_path / "exporter.sock"
    flags = (f"--web.listen-address=unix://{path}", FREE_PORT, "--demo")
    with Exporter(tmp_path, None, *flags) as exporter:
        said = until(lambda: re.findall(r"curl .*metrics", exporter.stdout.read_text()), "it")
        page = subprocess.run(said[0].split(), capture_output=True, text=True, check=True)
    assert said == [f"curl --unix-socket {path} http://localhost/metrics"]
    assert "slurm_exporter_build_info" in page.stdout
    assert not path.exists()


def test_a_change_of_state_is_one_line_and_a_failed_poll_is_none(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """Up, failing for two polls, stale, up again."""
    path = "/metrics/jobs"
    config = settings(slurmctld.url, names=["jobs"], stale_after="2500ms", max_age="1m")
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: exporter.log("endpoint.up"), "the first line")
        slurmctld.behaviours[path] = answer(b"busy\n", "503 Service Unavailable")
        until(lambda: exporter.log("endpoint.stale"), "the stale snapshot")
        assert slurmctld.requests[path] == 3
        slurmctld.behaviours[path] = answer(recorded("jobs"))
        until(lambda: len(exporter.log("endpoint.up")) == 2, "the recovery")
    lines = [line for line in exporter.log() if line["event"].startswith("endpoint.")]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("endpoint.up", "info"),
        ("endpoint.failing", "warning"),
        ("endpoint.stale", "warning"),
        ("endpoint.up", "info"),
    ]
    failing, stale = lines[1], lines[2]
    assert failing["reason"] == "http_status"
    assert failing["error"] == f"{slurmctld.url}{path} answered 503"
    assert 2.5 <= float(stale["age"]) < 3.5


def test_debug_has_a_line_for_each_poll(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    flags = (FREE_PORT, "--log.level=debug")
    with Exporter(tmp_path, settings(slurmctld.url, names=["jobs"]), *flags) as exporter:
        until(lambda: exporter.value("polls_total", endpoint="jobs") == 2, "two polls")
        lines = exporter.log("poll.finished", endpoint="jobs", level="debug")
    assert [line["samples"] for line in lines] == ["30", "30"]
    assert all(0 < float(line["duration"]) < 1 for line in lines)


# ------------------------------------------------------------------ shapes and places


@pytest.mark.parametrize("shape", list(READERS))
def test_every_line_can_be_read_whatever_slurm_says(
    tmp_path: Path, slurmctld: FakeSlurmctld, shape: str
) -> None:
    """One record is one line, with a time, a level and an event, for a traceback too."""
    slurmctld.behaviours["/metrics/jobs"] = greet
    slurmctld.behaviours["/metrics/nodes"] = answer(b'<p class="a=b">\\n\r\n\x1b[31m\n')
    flags = (FREE_PORT, "--log.level=debug", f"--log.format={shape}")
    config = settings(slurmctld.url, names=("jobs", "nodes"))
    with Exporter(tmp_path, config, *flags) as exporter:
        until(lambda: exporter.value("polls_total", endpoint="nodes") == 1, "the polls")
    text = exporter.stderr.read_bytes().decode()
    records = [READERS[shape](line) for line in text.removesuffix("\n").split("\n")]
    assert all(character.isprintable() or character == "\n" for character in text)
    assert all({"time", "level", "event"} <= set(record) for record in records)
    assert {record["reason"] for record in records if "reason" in record} == {"connect", "parse"}


def test_the_log_goes_to_standard_error_by_default(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    with Exporter(tmp_path, settings(slurmctld.url), FREE_PORT) as exporter:
        assert exporter.log("exporter.started")
    assert exporter.stdout.read_text(encoding="utf-8") == ""


def test_the_log_goes_to_standard_output_if_the_config_says_so(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    config = settings(slurmctld.url) | {"logging": {"output": "stdout"}}
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        pass
    assert exporter.stderr.read_text(encoding="utf-8") == ""
    first = exporter.stdout.read_text(encoding="utf-8").splitlines()[0]
    assert read_logfmt(first)["event"] == "exporter.started"


def test_the_log_goes_to_a_file_that_may_be_rotated(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """A relative path is beside the config file; after a rotation a new file is begun."""
    config = settings(slurmctld.url) | {"logging": {"output": "./exporter.log"}}
    log, old = tmp_path / "exporter.log", tmp_path / "exporter.old"
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        assert "event=exporter.started" in log.read_text(encoding="utf-8")
        log.rename(old)
        exporter.end(signal.SIGTERM)
    assert "event=exporter.stopped" in log.read_text(encoding="utf-8")
    assert exporter.stdout.read_bytes() + exporter.stderr.read_bytes() == b""


# ------------------------------------------------------------------ secrets


@pytest.mark.parametrize("shape", list(READERS))
def test_no_password_is_ever_written_or_served(
    tmp_path: Path, slurmctld: FakeSlurmctld, shape: str
) -> None:
    """Not the right one, and not a wrong one, which may be right somewhere else."""
    wrong = f"wrong-{SECRET}"
    config = settings(slurmctld.url) | {
        "server": {
            "enable_lifecycle": True,
            "basic_auth": {"enabled": True, "username": "admin", "password": SECRET},
        }
    }
    admin, nobody = authorization("admin", SECRET), authorization("admin", wrong)
    flags = (FREE_PORT, "--log.level=debug", f"--log.format={shape}")
    with Exporter(tmp_path, config, *flags) as exporter:
        until(lambda: exporter.get("/-/ready", **admin).status == 200, "all endpoints")
        paths = ("/metrics", "/", "/-/healthy", "/-/ready", "/api/v1/endpoints", "/none")
        pages = [exporter.get(path, **headers) for path in paths for headers in (admin, nobody)]
        exporter.configure(config | {"colour": SECRET})
        pages.append(exporter.get("/-/reload", "POST", **admin))
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: exporter.said().count("config.not_reloaded") == 2, "the failed reloads")
    said = exporter.said() + "".join(page.text + str(page.headers) for page in pages)
    assert pages[-1].status == 500
    for secret in (SECRET, admin["Authorization"].split()[1], nobody["Authorization"].split()[1]):
        assert secret not in said


@pytest.mark.parametrize("shape", list(READERS))
def test_no_token_for_slurmctld_is_ever_written_or_served(
    tmp_path: Path, slurmctld: FakeSlurmctld, shape: str
) -> None:
    """Neither one that is taken, nor one that is refused, nor what stands there instead of one."""
    good, bad = make_token(exp=4000000000), make_token(exp=4000000001)
    slurmctld.accepted = {f"Bearer {good}"}
    token = tmp_path / "token"
    token.write_text(good)
    config = settings(slurmctld.url)
    config["slurm"] |= {"authorization": {"credentials_file": "token"}, "user": "alice"}
    flags = (FREE_PORT, "--log.level=debug", f"--log.format={shape}")
    with Exporter(tmp_path, config, *flags) as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
        assert "X-SLURM-USER-NAME: alice" in slurmctld.headers
        pages = [exporter.get(path) for path in ("/metrics", "/", "/api/v1/endpoints")]
        assert exporter.value("token_expiry_timestamp_seconds") == 4000000000
        for content in (bad, f"{SECRET} {SECRET}"):
            failures = exporter.value("poll_failures_total", endpoint="jobs", reason="auth") or 0
            token.write_text(content)
            until(
                lambda before=failures: (
                    exporter.value("poll_failures_total", endpoint="jobs", reason="auth") > before
                ),
                "a poll that fails",
            )
            pages += [exporter.get(path) for path in ("/metrics", "/", "/api/v1/endpoints")]
        assert exporter.value("token_expiry_timestamp_seconds") is None
    said = exporter.said() + "".join(page.text + str(page.headers) for page in pages)
    assert f"{token} holds no token" in said
    for secret in (SECRET, good, bad):
        assert secret not in said


@pytest.mark.parametrize("shape", list(READERS))
def test_no_secret_for_a_proxy_is_ever_written_or_served(tmp_path: Path, shape: str) -> None:
    """Not a password, its file's content or a header, over TLS through the environment's proxy."""
    files = Authority(tmp_path, "ours")
    server = files.issue("server")
    slurmctld = FakeSlurmctld()
    slurmctld.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    slurmctld.tls.load_cert_chain(server.cert_file, server.key_file)
    (tmp_path / "password").write_text(f"{SECRET}-1\n")
    shown = authorization("admin", f"{SECRET}-1")["Authorization"]
    slurmctld.accepted = {shown}
    environment = {"https_proxy": f"http://admin:{SECRET}-3@127.0.0.1:1", "no_proxy": ""}
    flags = (FREE_PORT, "--log.level=debug", f"--log.format={shape}")
    with slurmctld.running():
        config = settings(slurmctld.url)
        config["slurm"] |= {
            "basic_auth": {"username": "admin", "password_file": "password"},
            "headers": {"X-Scope": f"{SECRET}-2"},
            "tls_config": {"ca_file": files.file.name},
        }
        with Exporter(tmp_path, config, *flags, environment=environment) as exporter:
            until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
            assert f"X-Scope: {SECRET}-2" in slurmctld.headers
            slurmctld.accepted = set()
            until(lambda: "basic_auth is wrong" in exporter.said(), "the refusal")
            slurmctld.accepted = {shown}
            config["slurm"]["proxy_from_environment"] = True
            exporter.configure(config)
            exporter.process.send_signal(signal.SIGHUP)
            until(lambda: "the proxy for 127.0.0.1" in exporter.said(), "the proxy")
            pages = [exporter.get(path) for path in ("/metrics", "/", "/api/v1/endpoints")]
    said = exporter.said() + "".join(page.text + str(page.headers) for page in pages)
    for secret in (SECRET, shown.split()[1], base64.b64encode(f"admin:{SECRET}".encode()).decode()):
        assert secret[:20] not in said


def test_a_token_is_in_nobodys_argument_list(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    """Not in ours, not in the command's."""
    slurmctld.accepted = {f"Bearer {SECRET}"}
    (tmp_path / "secret").write_text(f"SLURM_JWT={SECRET}\n")
    script = tmp_path / "make_token"
    script.write_text(
        f"#!/bin/sh\ncat {tmp_path}/secret\ncat /proc/[0-9]*/cmdline >{tmp_path}/seen 2>&1\n"
    )
    script.chmod(0o700)
    config = settings(slurmctld.url, timeout="1s")
    config["slurm"]["authorization"] = {"token_command": str(script)}
    with Exporter(tmp_path, config, FREE_PORT, "--log.level=debug") as exporter:
        until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")
    assert b"make_token" in (tmp_path / "seen").read_bytes()
    assert SECRET.encode() not in (tmp_path / "seen").read_bytes()
    assert SECRET not in exporter.said()


def authorization(name: str, password: str) -> dict[str, str]:
    """The header of HTTP basic authentication."""
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


@pytest.mark.parametrize(
    "text",
    [
        f"slurm: {{url: 'http://admin:{SECRET}@ctl1:6817'}}",
        f"slurm: {{url: 'http:/admin:{SECRET}@ctl1:6817'}}",
        f"slurm: {{url: 'admin:{SECRET}@ctl1:6817'}}",
        f"slurm: {{url: 'http://admin:{SECRET}@ctl1:port'}}",
        f"slurm: {{urls: ['http://ctl1', 'http://admin:{SECRET}@ctl1']}}",
        f"server: {{basic_auth: {{enabled: true, username: admin, passwort: {SECRET}}}}}",
        f"server: {{basic_auth: {{enabled: true, username: admin, password: [{SECRET}]}}}}",
        f"server: {{basic_auth: {{enabled: true, username: 'admin:{SECRET}'}}}}",
        f"server: {{basic_auth: {{enabled: true, username: admin, password: !secret {SECRET}}}}}",
        f"server: {{basic_auth: 'admin:{SECRET}'}}",
        f"slurm: {{basic_auth: {{username: 'a:{SECRET}', password: {SECRET}}}}}",
        f"slurm: {{basic_auth: {{username: admin, passwort: {SECRET}}}}}",
        f"slurm: {{basic_auth: {{username: admin, password: [{SECRET}]}}}}",
        f"slurm: {{headers: {{X-Scope: '{SECRET} ', Authorization: {SECRET}, Host: {SECRET}}}}}",
        f"slurm: {{headers: '{SECRET}'}}",
        f"slurm: {{headers: [{SECRET}]}}",
        f"slurm: {{authorization: {SECRET}}}",
        f"slurm: {{authorization: {{credentials: {SECRET}}}}}",
        f"slurm: {{authorization: {{token_command: 'echo \"{SECRET}'}}}}",
        f"slurm: {{authorization: {{token_command: [{SECRET}, 7]}}}}",
        f"server: {{basic_auth: {{enabled: true, username: admin, password: '{SECRET}}}}}",
        f'server: {{basic_auth: {{enabled: true, username: admin, password: "{SECRET}\\q"}}}}',
        f"server: {{basic_auth: {{enabled: true, username: admin, password: @{SECRET}}}}}",
        f"server: {{basic_auth: {{enabled: true, username: admin, password: *{SECRET}}}}}",
        f"server:\n basic_auth:\n  password: {SECRET}: x\n",
    ],
)
@pytest.mark.parametrize("flag", ["--config.check", "--once"])
def test_a_wrong_config_does_not_spill_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, flag: str
) -> None:
    file = tmp_path / "slurm_exporter.yml"
    file.write_text(text, encoding="utf-8")
    assert main(["--config.file", str(file), flag]) == 2
    output = capsys.readouterr()
    assert SECRET not in output.out + output.err
