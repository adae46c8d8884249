from __future__ import annotations

import pytest

from slurm_exporter.config import BasicAuth, WebConfig, load_web_config
from slurm_exporter.errors import ConfigError

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
UNSUPPORTED = "is a setting of exporter-toolkit that slurm_exporter does not support; remove it"


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
    """As in exporter-toolkit; but the operator is told, who may have meant something else."""
    note = "the web configuration file has neither users nor TLS: everybody may read"
    assert web(text) == WebConfig(notes=(note,))


def test_users_have_hashed_passwords(web):
    """Any number of them, in the file's order."""
    users = BasicAuth((("bob", HASH), ("alice", HASH)), hashed=True)
    assert web(f"basic_auth_users:\n  bob: {HASH}\n  alice: {HASH}\n") == WebConfig(users)


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


def test_a_setting_that_we_cannot_honour_is_refused(noted):
    """The message tells it from misspellings; to ignore a protection would be worse."""
    assert noted("rate_limit: {interval: 1s, burst: 20}") == [f"1: rate_limit: {UNSUPPORTED}"]


def test_answers_can_get_headers(web):
    """Those that exporter-toolkit knows."""
    text = "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: '1'}}"
    assert web(text).headers == (("X-Frame-Options", "deny"), ("X-XSS-Protection", "1"))


def test_a_wrong_header_is_noted(noted):
    """The name or the value."""
    text = 'http_server_config: {headers: {X-Frame-Option: a, X-Frame-Options: "a\\nb"}}'
    assert noted(text) == [
        "1: http_server_config.headers.X-Frame-Options: must be one line of printable ASCII",
        (
            "1: http_server_config.headers.X-Frame-Option: unknown key"
            "; did you mean `X-Frame-Options`?"
        ),
    ]


def test_http2_is_accepted_and_the_operator_told(web):
    """Clients that speak it speak HTTP/1.1 as well."""
    note, _ = web("http_server_config: {http2: true}").notes
    assert note.startswith("http_server_config.http2: only HTTP/1.1 is served")


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
