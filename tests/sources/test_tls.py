"""TLS to a proxy in front of slurmctld."""

from __future__ import annotations

import shutil
import ssl
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import Tls, TlsConfig
from slurm_exporter.errors import ConnectError
from slurm_exporter.sources.http import Client
from slurm_exporter.sources.tls import make_context
from tests.fake_slurmctld import FakeSlurmctld, recorded
from tests.web.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def secured(authority: Authority) -> Iterator[FakeSlurmctld]:
    """A server with a certificate of our authority, for the address 127.0.0.1."""
    slurmctld = FakeSlurmctld()
    slurmctld.tls = server_context(authority.issue("server"))
    with slurmctld.running():
        yield slurmctld


def server_context(files: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert_file, files.key_file)
    return context


def fetch(slurmctld: FakeSlurmctld, **settings: object) -> bytes:
    return Client(TlsConfig(**settings)).get(f"{slurmctld.url}/metrics/jobs", 5.0, 0).body


def test_the_named_authority_is_trusted(secured: FakeSlurmctld, authority: Authority) -> None:
    """And the body comes whole."""
    assert fetch(secured, ca_file=str(authority.file)) == recorded("jobs")


def test_nobody_else_is_trusted_beside_it(
    secured: FakeSlurmctld,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even the system's authorities, which are trusted when none is named."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert fetch(secured) == recorded("jobs")

    other = Authority(tmp_path, "other")
    with pytest.raises(ConnectError, match="its certificate is not trusted"):
        fetch(secured, ca_file=str(other.file))


def test_a_certificate_must_have_the_name_of_the_url_or_of_the_config(
    secured: FakeSlurmctld, authority: Authority
) -> None:
    """An operator may reach the server by another name than its own."""
    ca = str(authority.file)
    url = secured.url.replace("127.0.0.1", "localhost") + "/metrics/jobs"

    with pytest.raises(ConnectError, match="its certificate is not trusted: Hostname mismatch"):
        Client(TlsConfig(ca_file=ca)).get(url, 5.0, 0)
    assert Client(TlsConfig(ca_file=ca, server_name="127.0.0.1")).get(url, 5.0, 0).status == 200
    with pytest.raises(ConnectError, match="its certificate is not trusted: Hostname mismatch"):
        fetch(secured, ca_file=ca, server_name="ctl1")


def test_any_certificate_will_do_if_the_operator_says_so(secured: FakeSlurmctld) -> None:
    """Without a warning at every poll."""
    assert fetch(secured, insecure_skip_verify=True) == recorded("jobs")
    assert fetch(secured, insecure_skip_verify=True, server_name="ctl1") == recorded("jobs")


def test_a_server_that_wants_a_certificate_gets_ours(
    secured: FakeSlurmctld, authority: Authority
) -> None:
    """Without one it does not answer."""
    assert secured.tls
    secured.tls.load_verify_locations(authority.file)
    secured.tls.verify_mode = ssl.CERT_REQUIRED
    ours, ca = authority.issue("client"), str(authority.file)

    with pytest.raises(ConnectError):
        fetch(secured, ca_file=ca)
    body = fetch(secured, ca_file=ca, cert_file=ours.cert_file, key_file=ours.key_file)
    assert body == recorded("jobs")


def test_renewed_files_are_used_at_the_next_poll(
    secured: FakeSlurmctld, authority: Authority, tmp_path: Path
) -> None:
    """The authority itself may be another one; the old one is not trusted any longer."""
    ca = tmp_path / "trusted.pem"
    shutil.copy(authority.file, ca)
    client = Client(TlsConfig(ca_file=str(ca)))
    url = f"{secured.url}/metrics/jobs"
    assert client.get(url, 5.0, 0).status == 200

    new = Authority(tmp_path, "new")
    shutil.copy(new.file, ca)
    with pytest.raises(ConnectError, match="its certificate is not trusted"):
        client.get(url, 5.0, 0)
    secured.tls = server_context(new.issue("renewed"))
    assert client.get(url, 5.0, 0).status == 200


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("ca_file", "ca_file {file}: not valid PEM"),
        ("cert_file", "cert_file {file}: not valid PEM"),
        ("missing", "ca_file {file}: No such file or directory"),
        ("mismatch", "cert_file {cert}: the key does not belong to the certificate"),
        ("encrypted", "cert_file {cert}: the key is encrypted, and nobody is there to"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    authority: Authority, tmp_path: Path, broken: str, words: str
) -> None:
    """With the key of the config."""
    files = authority.issue("client", passphrase="x" if broken == "encrypted" else None)
    other = authority.issue("other")
    file = tmp_path / "file.pem"
    if broken != "missing":
        file.write_text("hunter2")
    config = {
        "ca_file": TlsConfig(ca_file=str(file)),
        "missing": TlsConfig(ca_file=str(file)),
        "cert_file": TlsConfig(cert_file=str(file), key_file=files.key_file),
        "mismatch": TlsConfig(cert_file=files.cert_file, key_file=other.key_file),
        "encrypted": TlsConfig(cert_file=files.cert_file, key_file=files.key_file),
    }[broken]

    expected = words.format(file=file, cert=files.cert_file)
    with pytest.raises(ConnectError, match=f"^cannot use slurm.tls_config.{expected}"):
        make_context(config)
