"""What stands between us and slurmctld."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import Login, Slurm, TlsConfig, parse

if TYPE_CHECKING:
    from pathlib import Path


def read(text: str, file: str = "/etc/x/x.yml") -> Slurm:
    return parse(f"slurm: {{{text}}}", file).slurm


def test_every_key_of_tls_config_is_obeyed(tmp_path: Path):
    """Files are beside the config, and must be there."""
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    files = "ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem"
    text = f"urls: ['http://a', 'https://b'], tls_config: {{{files}, server_name: ctl1}}"

    assert read(text, f"{tmp_path}/x.yml").tls_config == TlsConfig(
        ca_file=f"{tmp_path}/ca.pem",
        cert_file=f"{tmp_path}/cert.pem",
        key_file=f"{tmp_path}/key.pem",
        server_name="ctl1",
    )


def test_a_certificate_may_go_unchecked():
    """Only when that is asked for."""
    text = "url: 'https://a', tls_config: {insecure_skip_verify: true}"

    assert read(text).tls_config == TlsConfig(insecure_skip_verify=True)
    assert not TlsConfig().insecure_skip_verify


@pytest.mark.parametrize(
    ("written", "login"),
    [
        ("password: geheim", Login("admin", "geheim")),
        ("password_file: p", Login("admin", "", "/etc/x/p")),
    ],
)
def test_a_password_is_in_the_config_or_in_a_file(written: str, login: Login):
    """And in no repr."""
    found = read(f"basic_auth: {{username: admin, {written}}}")

    assert found.basic_auth == login
    assert "geheim" not in repr(found)


def test_headers_are_texts_in_the_order_of_the_file():
    """And in no repr."""
    found = read("headers: {X-B: geheim, X-A: 7, X-C: '', X-D: 'a b'}")

    assert found.headers == (("X-B", "geheim"), ("X-A", "7"), ("X-C", ""), ("X-D", "a b"))
    assert "geheim" not in repr(found)


def test_the_environments_proxy_is_obeyed_if_the_file_says_so():
    """Not otherwise."""
    assert read("proxy_from_environment: true").proxy_from_environment
    assert not read("").proxy_from_environment


def test_a_wrong_url_is_not_blamed_on_tls_as_well(complaints):
    """What the operator meant is not known then."""
    [noted] = complaints("slurm: {url: x, tls_config: {insecure_skip_verify: true}}")
    assert noted.startswith("1: slurm.url: ")
