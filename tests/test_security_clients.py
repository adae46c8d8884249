"""Real clients at a locked exporter: those with the right certificate and password, and others."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.locked import PASSWORD, USER, hashed, put_web_config
from tests.needs import need
from tests.processes import FREE_PORT, Exporter, settings, until
from tests.prometheus import Prometheus
from tests.web.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from slurm_exporter.config import Tls

NAME = "exporter.example"
"""What our certificate says, and no address: who comes to an address must name it."""

ALLOWED = "prometheus.example"
FAILING = "endpoint.failing"
"""What is logged of slurmctld, which is not there."""


class Site(NamedTuple):
    """A locked exporter, and what its clients have, or should not have."""

    exporter: Exporter
    authority: Authority
    client: Tls
    nameless: Tls
    foreign: Tls
    password: Path
    wrong_password: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An exporter of which nobody gets a byte without both a certificate and a password."""
    directory = tmp_path_factory.mktemp("site")
    authority, stranger = Authority(directory, "authority"), Authority(directory, "stranger")
    server = authority.issue("server", names=f"DNS:{NAME}")
    for file, password in (("password", PASSWORD), ("wrong", f"wrong-{PASSWORD}")):
        (directory / file).write_text(f"{password}\n")
    flag = put_web_config(
        directory / "web.yml",
        tls_server_config={
            "cert_file": server.cert_file,
            "key_file": server.key_file,
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": str(authority.file),
            "client_allowed_sans": [ALLOWED],
        },
        basic_auth_users={USER: hashed(PASSWORD)},
    )
    # Nothing is polled, so nothing but clients can be the cause of anything.
    config = settings("http://127.0.0.1:1", names=["jobs"])
    with Exporter(directory, config, FREE_PORT, flag) as exporter:
        yield Site(
            exporter,
            authority,
            client=authority.issue("client", names=f"DNS:{ALLOWED}"),
            nameless=authority.issue("nameless", names="DNS:grafana.example"),
            foreign=stranger.issue("foreign", names=f"DNS:{ALLOWED}"),
            password=directory / "password",
            wrong_password=directory / "wrong",
        )


# ------------------------------------------------------------------ Prometheus


def jobs(site: Site) -> dict[str, dict[str, Any]]:
    """Scrape configs by name: ``good``, and others that differ from it in one thing."""

    def job(
        shown: Tls | None = site.client,
        password: Path | None = site.password,
        **changes: str | None,
    ) -> dict[str, Any]:
        files = {"cert_file": shown.cert_file, "key_file": shown.key_file} if shown else {}
        tls = {"ca_file": str(site.authority.file), "server_name": NAME, **files, **changes}
        login = {"username": USER, "password_file": str(password)}
        return {
            "scheme": "https",
            "tls_config": {key: value for key, value in tls.items() if value},
            **({"basic_auth": login} if password else {}),
            "static_configs": [{"targets": [f"127.0.0.1:{site.exporter.port}"]}],
        }

    return {
        "good": job(),
        "wrong password": job(password=site.wrong_password),
        "no password": job(password=None),
        "no certificate": job(None),
        "a name that is not allowed": job(site.nameless),
        "a foreign certificate": job(site.foreign),
        "no server_name": job(server_name=None),
        "no ca_file": job(ca_file=None),
        "TLS 1.1": job(max_version="TLS11", min_version="TLS10"),
        "no TLS": job() | {"scheme": "http", "tls_config": {}},
    }


REFUSED = {
    "wrong password": "server returned HTTP status 401 Unauthorized",
    "no password": "server returned HTTP status 401 Unauthorized",
    "no certificate": "",
    "a name that is not allowed": "",
    "a foreign certificate": "",
    "no server_name": "doesn't contain any IP SANs",
    "no ca_file": "certificate signed by unknown authority",
    "TLS 1.1": "",
    "no TLS": "",
}
"""What Prometheus says of each; where we hang up, that depends on who is faster."""


@pytest.fixture(scope="module")
def targets(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[str, str]]]:
    """How Prometheus finds each job, after a scrape of each."""
    configs = [{"job_name": name, **config} for name, config in jobs(site).items()]
    with Prometheus(tmp_path_factory.mktemp("prometheus"), configs) as prometheus:
        until(lambda: prometheus.values("up").keys() == jobs(site).keys(), "a scrape of each job")
        yield prometheus.targets()


@pytest.mark.prometheus
def test_prometheus_with_certificate_and_password_is_let_in(
    targets: dict[str, tuple[str, str]],
) -> None:
    assert targets["good"] == ("up", "")


@pytest.mark.prometheus
@pytest.mark.parametrize("job", list(REFUSED))
def test_prometheus_without_one_of_them_is_refused(
    targets: dict[str, tuple[str, str]], job: str
) -> None:
    """And where it is our part to be doubted, Prometheus refuses us."""
    health, error = targets[job]
    assert health == "down"
    assert error
    assert REFUSED[job] in error


# ------------------------------------------------------------------ curl


def curl(site: Site, shown: Tls | None, *flags: str, netrc: str = "") -> tuple[int, str]:
    """What curl exits with, and the code of the answer, 000 for none."""
    need("curl", None if shutil.which("curl") else "curl is not installed here")
    files = ["--cert", shown.cert_file, "--key", shown.key_file] if shown else []
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *files, *flags]
    command += ["--cacert", str(site.authority.file), "--max-time", "20"]
    command += ["--resolve", f"{NAME}:{site.exporter.port}:127.0.0.1"]
    if netrc:
        command += ["--netrc-file", "/dev/stdin"]
    done = subprocess.run(
        [*command, f"https://{NAME}:{site.exporter.port}/metrics"],
        input=netrc,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def login(password: str) -> str:
    return f"machine {NAME} login {USER} password {password}\n"


def test_curl_with_certificate_and_password_is_let_in(site: Site) -> None:
    assert curl(site, site.client, netrc=login(PASSWORD)) == (0, "200")


@pytest.mark.parametrize("netrc", ["", login("wrong-horse"), login(PASSWORD[:-1])])
def test_curl_with_a_certificate_and_without_the_password_is_refused(
    site: Site, netrc: str
) -> None:
    assert curl(site, site.client, netrc=netrc) == (0, "401")


@pytest.mark.parametrize("which", ["none", "nameless", "foreign"])
def test_curl_with_the_password_and_without_the_certificate_is_refused(
    site: Site, which: str
) -> None:
    """It gets no answer at all."""
    code, status = curl(site, getattr(site, which, None), netrc=login(PASSWORD))
    assert code != 0
    assert status == "000"


def test_curl_with_an_old_protocol_is_refused(site: Site) -> None:
    """Also when its own library is told to allow it."""
    old = ("--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0")
    assert curl(site, site.client, *old, netrc=login(PASSWORD)) == (35, "000")


def test_strangers_are_refused_without_a_word_in_the_log(site: Site) -> None:
    """They could fill it otherwise."""
    for shown in (None, site.nameless, site.foreign):
        curl(site, shown)
    assert {line["event"] for line in site.exporter.log()} <= {"exporter.started", FAILING}
