"""What protects our pages: what another config and changed files make of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from slurm_exporter.config import BasicAuth, Config, Server, Tls, refreshed
from slurm_exporter.errors import ConfigError
from slurm_exporter.web.protection import Protection
from tests.locked import hashed, put_web_config
from tests.web.certificates import Authority


def config(**server: object) -> Config:
    """A config with a file of its own."""
    return Config(server=Server(**server), file="exporter.yml")


def with_web_config(file: Path) -> Config:
    """A config whose users and TLS are in a file of their own."""
    return Config(server=refreshed(Server(web_config_file=str(file))), file="exporter.yml")


def users(protection: Protection) -> list[str] | None:
    """The names of those who are let in; None for everybody."""
    auth = protection.server.basic_auth
    return None if auth is None else [name for name, _ in auth.users]


def events(protection: Protection, looks: int) -> list[str]:
    """What is logged while the files are looked at so often."""
    with capture_logs() as logs:
        for _ in range(looks):
            protection.refresh()
    return [line["event"] for line in logs]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A web configuration file with one user."""
    file = tmp_path / "web.yml"
    put_web_config(file, basic_auth_users={"alice": hashed("one")})
    return file


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whoever issues the certificates."""
    return Authority(tmp_path, "authority")


@pytest.fixture
def tls(authority: Authority) -> Tls:
    """A certificate with its key."""
    return authority.issue("server")


def version(protection: Protection) -> str:
    """The least version of TLS."""
    return protection.context.minimum_version.name


# ------------------------------------------------------------------ users


def test_users_that_changed_are_taken_once(file: Path) -> None:
    protection = Protection(with_web_config(file))
    assert protection.refresh() is False

    put_web_config(file, basic_auth_users={"bob": hashed("two")})

    assert [protection.refresh(), protection.refresh()] == [True, False]
    assert users(protection) == ["bob"]


def test_users_that_cannot_be_read_leave_the_old_ones_and_are_told_once(file: Path) -> None:
    """Not every second."""
    protection = Protection(with_web_config(file))
    file.write_text("basic_auth_users: [oops]\n")

    with capture_logs() as logs:
        assert [protection.refresh() for _ in range(3)] == [False, False, False]

    (line,) = logs
    assert line["event"] == "web.files_unusable"
    assert "basic_auth_users" in line["error"]
    assert users(protection) == ["alice"]
    assert protection.failures == 1

    put_web_config(file, basic_auth_users={"bob": hashed("two")})
    assert protection.refresh() is True
    assert users(protection) == ["bob"]


def test_the_same_trouble_is_told_again_when_all_was_well_in_between(file: Path) -> None:
    protection = Protection(with_web_config(file))
    good = file.read_text()
    for content in ("oops", good, "oops"):
        file.write_text(content)
        protection.refresh()
    assert protection.failures == 2


def test_a_file_that_loses_its_users_lets_nobody_in_but_by_another_config(file: Path) -> None:
    """An editor that writes in place empties it for a moment."""
    protection = Protection(with_web_config(file))
    file.write_text("")

    with capture_logs() as logs:
        protection.refresh()

    assert [line["error"] for line in logs] == [
        "no users are left; if everybody is to be let in, reload"
    ]
    assert users(protection) == ["alice"]

    protection.use(with_web_config(file))
    assert users(protection) is None


def test_a_password_file_that_changed_is_taken(tmp_path: Path) -> None:
    """It is looked at like the other files."""
    password = tmp_path / "password"
    password.write_text("one\n")
    auth = BasicAuth((("alice", "one"),), file=str(password))
    protection = Protection(config(basic_auth=auth))

    password.write_text("another\n")

    assert protection.refresh() is True
    assert protection.server.basic_auth == replace(auth, users=(("alice", "another"),))


def test_a_file_of_users_that_has_just_gone_is_looked_for_again(tmp_path: Path) -> None:
    """Between loading the config and using it."""
    auth = BasicAuth((("alice", "one"),), file=str(tmp_path / "gone"))
    assert events(Protection(config(basic_auth=auth)), looks=2) == ["web.files_unusable"]


def test_users_that_change_while_a_config_is_loaded_are_taken(file: Path) -> None:
    """Nobody has looked at the file between its being read and the config's being used."""
    first, second = with_web_config(file), with_web_config(file)
    put_web_config(file, basic_auth_users={"bob": hashed("two")})
    protection = Protection(first)
    assert protection.refresh() is True
    assert users(protection) == ["bob"]

    protection.use(second)
    assert users(protection) == ["alice"]
    assert protection.refresh() is True
    assert users(protection) == ["bob"]


def test_a_file_that_says_the_same_as_before_changes_nothing(file: Path) -> None:
    """Verified passwords stay known."""
    protection = Protection(with_web_config(file))
    file.write_text(file.read_text() + "# a remark\n")

    assert protection.refresh() is False


# ------------------------------------------------------------------ the certificate


def test_a_certificate_that_cannot_be_used_keeps_nobody_from_being_shut_out(
    file: Path, tls: Tls
) -> None:
    """Who left is not to be let in until somebody has mended it."""
    server = {"cert_file": tls.cert_file, "key_file": tls.key_file}
    put_web_config(file, tls_server_config=server, basic_auth_users={"alice": hashed("one")})
    protection = Protection(with_web_config(file))
    Path(tls.cert_file).write_text("broken")
    put_web_config(file, tls_server_config=server, basic_auth_users={"bob": hashed("two")})

    assert events(protection, looks=1) == ["web.files_unusable"]
    assert users(protection) == ["bob"]


def test_a_renewed_certificate_is_logged_when_it_is_taken(authority: Authority, tls: Tls) -> None:
    protection = Protection(config(tls=tls))
    assert events(protection, looks=1) == []
    authority.issue("server")
    assert events(protection, looks=2) == ["tls.certificate_loaded"]
    assert protection.failures == 0


def test_tls_of_the_web_config_is_taken_like_its_users(file: Path, tls: Tls) -> None:
    """It is one file."""
    section = {"cert_file": tls.cert_file, "key_file": tls.key_file}
    put_web_config(file, tls_server_config=section)
    protection = Protection(with_web_config(file))
    put_web_config(file, tls_server_config=section | {"min_version": "TLS13"})
    assert protection.refresh() is True
    assert version(protection) == "TLSv1_3"


def test_another_config_brings_other_certificates_and_versions(tls: Tls) -> None:
    """Only addresses, suites and curves, and TLS on or off, take a restart."""
    protection = Protection(config(tls=tls))
    protection.use(config(tls=replace(tls, min_version="TLS13")))
    assert version(protection) == "TLSv1_3"


def test_another_config_whose_certificate_cannot_be_used_changes_nothing(tls: Tls) -> None:
    """It is an error of the config, like any other."""
    protection = Protection(config(tls=tls))
    server, broken = protection.server, replace(tls, key_file="/nonexistent", min_version="TLS13")
    words = r"^exporter\.yml: server\.ssl: cannot use \S+ with /nonexistent: "
    with pytest.raises(ConfigError, match=words):
        protection.use(config(tls=broken))
    assert protection.server is server
    assert version(protection) == "TLSv1_2"


def test_a_certificate_that_cannot_be_used_from_the_first_is_an_error_of_its_file(
    file: Path, tls: Tls
) -> None:
    section = {"cert_file": tls.cert_file, "key_file": tls.cert_file}
    put_web_config(file, tls_server_config=section)
    with pytest.raises(ConfigError, match=r"web\.yml: tls_server_config: cannot use "):
        Protection(with_web_config(file))


def test_tls_stays_on_or_off_as_it_was_at_first(tls: Tls) -> None:
    """Clients would not understand the difference."""
    plain, secure = config(), config(tls=tls)
    protection = Protection(secure)
    context = protection.context
    protection.use(plain)
    assert protection.context is context
    assert protection.server is plain.server

    protection = Protection(plain)
    protection.use(secure)
    assert protection.context is None
