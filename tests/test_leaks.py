"""The search for secrets finds them, wherever tests keep them."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.leaks import Secrets, leaked, plain
from tests.locked import PASSWORD
from tests.processes import REPOSITORY, Exporter

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "a-staple-" + "and-a-tower"

TALKATIVE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("listen=127.0.0.1:1 secret={}", flush=True)
signal.pause()
"""


@pytest.mark.parametrize(
    "config",
    [
        {"server": {"basic_auth": {"password": SECRET}}},
        {"slurm": {"basic_auth": {"password_file": "file"}}},
        {"slurm": {"authorization": {"credentials_file": "file"}}},
        {"slurm": {"headers": {"X-Scope": SECRET}}},
        {"server": {"ssl": {"key_file": "file"}}},
        {"endpoints": [{"password": SECRET}]},
        {"server": {"web_config_file": "web.yml"}},
    ],
)
def test_every_place_for_a_secret_is_known(tmp_path: Path, config: dict[str, Any]) -> None:
    """In the config, in its files, in the web configuration file."""
    (tmp_path / "file").write_text(f"-----BEGIN-----\n{SECRET}\n")
    (tmp_path / "web.yml").write_text(json.dumps({"basic_auth_users": {"admin": SECRET}}))
    secrets = Secrets()
    secrets.learn(config, tmp_path)
    with pytest.raises(AssertionError, match="a secret is in the log"):
        secrets.must_not_be_in(f"event=x said={SECRET}".encode(), "the log")
    assert leaked(SECRET.encode()), "by any other test of this run too"


def test_what_clients_show_is_known_packed_and_unpacked() -> None:
    secrets = Secrets()
    token = base64.b64encode(f"admin:{SECRET}-2".encode()).decode()
    secrets.learn_headers({"Authorization": f"Basic {token}"})
    for form in (token, f"{SECRET}-2"):
        with pytest.raises(AssertionError, match="a secret is in a page"):
            secrets.must_not_be_in(form.encode(), "a page")


def test_a_compressed_page_is_searched_too() -> None:
    assert plain(gzip.compress(b"page"), "gzip") == plain(b"page", None) == b"page"


def test_an_exporter_that_writes_a_secret_fails_its_test(tmp_path: Path) -> None:
    config = {"server": {"basic_auth": {"password": SECRET}}}
    command = (sys.executable, "-c", TALKATIVE.format(SECRET))
    with (
        pytest.raises(AssertionError, match="a secret is in what the exporter wrote"),
        Exporter(tmp_path, config, command=command),
    ):
        pass


@pytest.mark.parametrize(
    "written", ["print(SECRET)", "logging.warning(SECRET)", "sys.stderr.write(SECRET)"]
)
def test_a_test_that_writes_a_secret_fails(tmp_path: Path, written: str) -> None:
    """Whatever else it finds."""
    test = f"import logging, sys\nSECRET = {PASSWORD!r}\ndef test_it():\n    {written}\n"
    (tmp_path / "test_it.py").write_text(test)
    flags = ("-p", "tests.conftest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *flags, "-c", "/dev/null", str(tmp_path / "test_it.py")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "a secret is in what this test wrote" in done.stdout
