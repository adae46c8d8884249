from __future__ import annotations

import pytest

from slurm_exporter.config import BasicAuth, Tls, load_web_config
from slurm_exporter.errors import ConfigError

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
POLICIES = "VerifyClientCertIfGiven or RequireAndVerifyClientCert"
UNSUPPORTED = "is a setting of exporter-toolkit that slurm_exporter does not support; remove it"
FILES = "cert_file: cert.pem, key_file: key.pem"


@pytest.fixture
def web(tmp_path):
    """Load a web configuration file that lies beside a certificate, a key and a CA."""
    for name in ("cert.pem", "key.pem", "ca.pem"):
        (tmp_path / name).touch()

    def web(text):
        path = tmp_path / "web.yml"
        path.write_text(text)
        return load_web_config(str(path))

    return web


@pytest.fixture
def noted(web):
    """What is said about a wrong file, without its name."""

    def noted(text):
        with pytest.raises(ConfigError) as caught:
            web(text)
        return [str(p).removeprefix(f"{p.file}:") for p in caught.value.problems]

    return noted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n",
        "{tls_server_config: {}, basic_auth_users: {}, http_server_config: {http2: false}}",
    ],
)
def test_an_empty_file_asks_for_neither_tls_nor_passwords(web, text):
    """As in exporter-toolkit; http2 is accepted, for HTTP/1.1 clients see no difference."""
    assert web(text) == (None, None)


def test_users_have_hashed_passwords(web):
    """Any number of them, in the file's order."""
    auth, tls = web(f"basic_auth_users:\n  bob: {HASH}\n  alice: {HASH}\n")
    assert auth == BasicAuth((("bob", HASH), ("alice", HASH)), hashed=True)
    assert tls is None


def test_a_password_that_is_no_hash_is_refused_and_not_shown(noted):
    """The operator forgot to hash it."""
    [short, number] = noted("basic_auth_users:\n  bob: hunter2\n  alice: 31337\n")
    assert short.startswith("2: basic_auth_users.bob: must be a bcrypt hash ($2y$10$...)")
    assert number == "3: basic_auth_users.alice: must be a bcrypt hash, not a number"
    assert "hunter2" not in short


def test_a_user_name_with_a_colon_is_refused(noted):
    """HTTP could not transport it."""
    assert noted(f"basic_auth_users: {{'a:b': {HASH}, '': {HASH}}}") == [
        "1: basic_auth_users['a:b']: must not have a colon, which ends a user name in HTTP",
        "1: basic_auth_users['']: must not be empty",
    ]


def test_tls_has_files_beside_the_web_config(web, tmp_path):
    """TLS 1.2 and no client certificate are the defaults."""
    auth, tls = web(f"tls_server_config: {{{FILES}}}")
    assert auth is None
    assert tls == Tls(f"{tmp_path}/cert.pem", f"{tmp_path}/key.pem")


@pytest.mark.parametrize(
    ("keys", "client_ca", "required"),
    [
        ("client_auth_type: NoClientCert", None, False),
        ("client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem", "ca.pem", False),
        ("client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem", "ca.pem", True),
    ],
)
def test_client_certificates_are_asked_for_as_the_policy_says(
    web, tmp_path, keys, client_ca, required
):
    """The three policies that a TLS server of Python's can keep."""
    _, tls = web(f"tls_server_config: {{{FILES}, min_version: TLS13, {keys}}}")
    assert tls == Tls(
        f"{tmp_path}/cert.pem",
        f"{tmp_path}/key.pem",
        client_ca_file=client_ca and f"{tmp_path}/{client_ca}",
        client_auth_required=required,
        min_version="TLS13",
    )


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ("min_version: TLS11", "min_version: must be TLS12 or TLS13, not 'TLS11'"),
        (
            "client_auth_type: RequireAnyClientCert",
            f"client_auth_type: must be NoClientCert, {POLICIES}, not 'RequireAnyClientCert'",
        ),
        ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: is required"),
        (
            "client_ca_file: ca.pem",
            f"client_ca_file: needs client_auth_type {POLICIES}",
        ),
        ("cypher_suites: []", "cypher_suites: unknown key; allowed are client_auth_type"),
    ],
)
def test_a_wrong_key_of_tls_is_noted(noted, keys, complaint):
    """Each with what is allowed."""
    [said] = noted(f"tls_server_config: {{{FILES}, {keys}}}")
    assert said.startswith(f"1: tls_server_config.{complaint}")


def test_a_client_ca_does_not_complain_of_a_wrong_policy(noted):
    """One mistake is one problem."""
    [said] = noted(
        f"tls_server_config: {{{FILES}, client_auth_type: Require, client_ca_file: ca.pem}}"
    )
    assert said.startswith("1: tls_server_config.client_auth_type: must be NoClientCert")


def test_tls_needs_its_files(noted, tmp_path):
    """Present and readable."""
    assert noted("tls_server_config: {min_version: TLS12, key_file: no.pem}") == [
        "1: tls_server_config.cert_file: is required",
        f"1: tls_server_config.key_file: cannot read {tmp_path}/no.pem: No such file or directory",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "cert",
        "key",
        "client_ca",
        "client_allowed_sans",
        "max_version",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
    ],
)
def test_a_tls_setting_that_we_cannot_honour_is_refused_and_not_shown(noted, key):
    """To ignore a protection that someone asked for would be worse."""
    [said] = noted(f"tls_server_config: {{{FILES}, {key}: hunter2}}")
    assert said == f"1: tls_server_config.{key}: {UNSUPPORTED}"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("rate_limit: {interval: 1s, burst: 20}", "rate_limit"),
        ("http_server_config: {headers: {X-Frame-Options: deny}}", "http_server_config.headers"),
    ],
)
def test_other_settings_that_we_cannot_honour_are_refused(noted, text, path):
    """The message tells them from misspellings."""
    assert noted(text) == [f"1: {path}: {UNSUPPORTED}"]


def test_all_problems_of_the_file_come_at_once_in_its_order(noted):
    """Misspelt sections included."""
    assert noted("tls_config: {}\nbasic_auth_users: [a]\nhttp_server_config: {http2: 'no'}\n") == [
        "1: tls_config: unknown key; did you mean `tls_server_config`?",
        "2: basic_auth_users: must be a mapping of keys, not a list",
        "3: http_server_config.http2: must be true or false without quotes, not a string",
    ]


def test_a_missing_file_is_named(tmp_path):
    """In the system's words."""
    with pytest.raises(ConfigError, match=r"no.yml: cannot read: No such file or directory$"):
        load_web_config(f"{tmp_path}/no.yml")
