from __future__ import annotations

from dataclasses import replace

import pytest

from slurm_exporter.config import (
    Address,
    BasicAuth,
    Server,
    Tls,
    UnixAddress,
    needs_restart,
    parse,
    refreshed,
)
from slurm_exporter.errors import ConfigError


def server(keys, file="x.yml"):
    """The server of a right config."""
    return parse(f"server: {{{keys}}}", file).server


@pytest.mark.parametrize(
    ("keys", "listen"),
    [
        ("", (Address("", 9341),)),
        ("port: 8080", (Address("", 8080),)),
        ("port: 0", (Address("", 0),)),
        ("listen: localhost:9341", (Address("localhost", 9341),)),
        ("listen: '[::1]:9341'", (Address("::1", 9341),)),
        ("listen: [':1', 'a:2']", (Address("", 1), Address("a", 2))),
        ("listen: [':1', 'unix:///a.sock']", (Address("", 1), UnixAddress("/a.sock"))),
    ],
)
def test_it_listens_on_a_port_or_on_addresses(keys, listen):
    """Port 9341 of every address of the machine is the default."""
    assert server(keys).listen == listen


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (
            "port: 80, listen: ':80'",
            "listen: cannot be used together with `port`; keep one of them",
        ),
        ("port: 65536", "port: must be a port from 0 to 65535, not '65536'"),
        ("port: '80'", "port: must be a port from 0 to 65535, not a string"),
        ("port: [80]", "port: must be a port from 0 to 65535, not a list"),
        (
            "listen: 80",
            "listen: must be HOST:PORT such as :9341 or 127.0.0.1:9341, not a number",
        ),
        (
            "listen: []",
            "listen: must be HOST:PORT such as :9341 or 127.0.0.1:9341, or a list of them, not an",
        ),
        (
            "listen: {port: 80}",
            "listen: must be HOST:PORT such as :9341 or 127.0.0.1:9341, or a list of them, not a",
        ),
        ("listen: [':1', ':1']", "listen[1]: duplicate address; first on line 1"),
        ("telemetry_path: /", "telemetry_path: / is another page of slurm_exporter; choose one"),
        ("telemetry_path: x", "telemetry_path: must be a path that starts with /"),
        ("enable_lifecycle: 'on'", "enable_lifecycle: must be true or false without quotes"),
        ("ports: 80", "ports: unknown key; did you mean `port`?"),
        ("basic_auth: {user: x, enabled: false}", "basic_auth.user: unknown key; did you mean"),
        ("ssl: {cert: x, enabled: false}", "ssl.cert: unknown key; did you mean `cert_file`?"),
    ],
)
def test_a_wrong_key_of_the_server_is_noted(complaints, keys, complaint):
    """Each with what is allowed."""
    [noted] = complaints(f"server: {{{keys}}}")
    assert noted.startswith(f"1: server.{complaint}")


def test_every_other_key_of_the_server_is_obeyed():
    """The page of metrics may be anywhere."""
    assert server("telemetry_path: /slurm, enable_lifecycle: true") == Server(
        telemetry_path="/slurm", enable_lifecycle=True
    )


@pytest.mark.parametrize(
    "keys",
    [
        "",
        "basic_auth: , ssl: ",
        "basic_auth: {}, ssl: {}",
        "basic_auth: {enabled: false}, ssl: {enabled: false}",
        "basic_auth: {enabled: false, username: , password: }",
        "basic_auth: {enabled: false, username: a, password: b}",
        "ssl: {enabled: false, cert_file: /nonexistent, key_file: }",
    ],
)
def test_without_enabled_protections_everybody_may_read_in_plain_http(keys):
    """What a disabled one has besides does not matter; its files need not exist."""
    assert server(keys) == Server()


def test_an_enabled_basic_auth_has_one_user():
    """Its password is plain text."""
    assert server("basic_auth: {enabled: true, username: a, password: 'b:c'}").basic_auth == (
        BasicAuth((("a", "b:c"),), hashed=False)
    )


@pytest.mark.parametrize(
    ("keys", "noted"),
    [
        (
            "enabled: true",
            ["username: is required", "password: is required, or password_file, or password_hash"],
        ),
        (
            "enabled: true, username: , password: ''",
            ["username: must be a string, not empty", "password: must not be empty"],
        ),
        (
            "enabled: true, username: 'a:b', password: hunter2",
            ["username: must not have a colon, which ends a user name in HTTP"],
        ),
        (
            "enabled: true, username: a, password: 31337",
            ["password: must be a string, not a number; put it in quotes"],
        ),
        (
            "enabled: true, username: a, password: [hunter2]",
            ["password: must be a string, not a list"],
        ),
        ("username: a, password: hunter2", ["enabled: is required here; write true or false"]),
        (
            "enabled: 'yes', username: a, password: hunter2",
            ["enabled: must be true or false without quotes, not a string"],
        ),
    ],
)
def test_an_incomplete_basic_auth_is_noted_without_its_password(complaints, keys, noted):
    """Credentials without ``enabled`` would leave the door open unnoticed."""
    assert complaints(f"server: {{basic_auth: {{{keys}}}}}") == [
        f"1: server.basic_auth.{complaint}" for complaint in noted
    ]


HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


def test_a_password_can_be_in_a_file_of_its_own(tmp_path):
    """Which is watched; the line's end is not part of the password."""
    (tmp_path / "password").write_text("se cret\n")
    keys = "enabled: true, username: a, password_file: password"
    server = parse(f"server: {{basic_auth: {{{keys}}}}}", f"{tmp_path}/x.yml").server
    file = f"{tmp_path}/password"
    assert server.basic_auth == BasicAuth((("a", "se cret"),), file=file)
    assert server.user_files == (file,)


def test_a_password_can_be_a_hash():
    """Then nobody who reads the config can use it."""
    keys = f"enabled: true, username: a, password_hash: {HASH}"
    server = parse(f"server: {{basic_auth: {{{keys}}}}}", "x.yml").server
    assert server.basic_auth == BasicAuth((("a", HASH),), hashed=True)


@pytest.mark.parametrize(
    ("keys", "noted"),
    [
        (f"password: hunter2, password_hash: {HASH}", "password_hash: is one too many; keep one"),
        ("password_hash: hunter2", "password_hash: must be a bcrypt hash"),
        ("password_file: missing", "password_file: cannot read missing: No such file"),
        ("password_file: /dev/null", "password_file: /dev/null must have one line, which is"),
    ],
)
def test_a_wrong_way_to_give_a_password_is_noted_without_it(complaints, keys, noted):
    """Each with what is allowed."""
    [said] = complaints(f"server: {{basic_auth: {{enabled: true, username: a, {keys}}}}}")
    assert said.startswith(f"1: server.basic_auth.{noted}")
    assert "hunter2" not in said


def test_paths_can_be_open_to_everybody():
    """The page of metrics among them, wherever it is; not the reload."""
    text = "server: {telemetry_path: /m, open_paths: [/-/healthy, /m]}"
    assert parse(text, "x.yml").server.open_paths == ("/-/healthy", "/m")


def test_a_path_that_cannot_be_open_is_noted(complaints):
    """With all that can."""
    assert complaints("server: {open_paths: [/-/reload]}") == [
        (
            "1: server.open_paths[0]: must be"
            " /metrics, /, /-/healthy, /-/ready or /api/v1/endpoints, not '/-/reload'"
            "; did you mean `/-/ready`?"
        )
    ]


def test_a_web_config_file_says_who_may_read(tmp_path):
    """Like the flag."""
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{a: {HASH}}}")
    server = parse("server: {web_config_file: web.yml}", f"{tmp_path}/x.yml").server
    assert server.basic_auth == BasicAuth((("a", HASH),), hashed=True)
    assert server.web_config_file == f"{tmp_path}/web.yml"


def test_problems_of_the_web_config_file_come_with_all_others(tmp_path):
    """Each names its own file."""
    (tmp_path / "web.yml").write_text("basic_auth_users: {a: x}")
    with pytest.raises(ConfigError) as caught:
        parse("server: {web_config_file: web.yml, prot: 1}", f"{tmp_path}/x.yml")
    said = [(problem.file, problem.path) for problem in caught.value.problems]
    assert said == [
        (f"{tmp_path}/web.yml", "basic_auth_users.a"),
        (f"{tmp_path}/x.yml", "server.prot"),
    ]


def test_a_web_config_file_and_users_of_its_own_are_one_too_many(tmp_path):
    """Whichever lost would be off unnoticed."""
    (tmp_path / "web.yml").touch()
    auth = "basic_auth: {enabled: true, username: a, password: b}"
    with pytest.raises(ConfigError) as caught:
        parse(f"server: {{web_config_file: web.yml, {auth}}}", f"{tmp_path}/x.yml")
    assert str(caught.value) == (
        f"{tmp_path}/x.yml:1: server.web_config_file: cannot be used together with"
        " server.basic_auth; move its user to basic_auth_users"
    )


@pytest.fixture
def cert(tmp_path):
    """A certificate and its key: empty files, for nobody reads them here."""
    (tmp_path / "cert.pem").touch()
    (tmp_path / "key.pem").touch()
    return tmp_path


def test_enabled_ssl_has_files_beside_the_config(cert):
    """Relative paths are relative to the config file, absolute ones stay."""
    keys = f"ssl: {{enabled: true, cert_file: cert.pem, key_file: {cert}/key.pem}}"
    assert server(keys, f"{cert}/x.yml").tls == Tls(f"{cert}/cert.pem", f"{cert}/key.pem")


def test_unreadable_files_of_enabled_ssl_are_noted_with_path_and_reason(complaints, cert):
    """Each on its own."""
    keys = f"enabled: true,\n cert_file: {cert}/no.pem,\n key_file: {cert}"
    assert complaints(f"server: {{ssl: {{{keys}}}}}") == [
        f"2: server.ssl.cert_file: cannot read {cert}/no.pem: No such file or directory",
        f"3: server.ssl.key_file: cannot read {cert}: Is a directory",
    ]


@pytest.mark.parametrize(
    ("keys", "noted"),
    [
        ("enabled: true", ["cert_file: is required", "key_file: is required"]),
        (
            "enabled: true, cert_file: '', key_file: 5",
            [
                "cert_file: must be the path of a file",
                "key_file: must be a string, not a number; put it in quotes",
            ],
        ),
        ("cert_file: a, key_file: b", ["enabled: is required here; write true or false"]),
    ],
)
def test_an_incomplete_ssl_is_noted(complaints, keys, noted):
    """Files without ``enabled`` would leave plain HTTP unnoticed."""
    assert complaints(f"server: {{ssl: {{{keys}}}}}") == [
        f"1: server.ssl.{complaint}" for complaint in noted
    ]


def test_what_the_files_say_is_read_again_and_nothing_else(tmp_path):
    """An edit of the config itself counts when it is reloaded."""
    web, main = tmp_path / "web.yml", tmp_path / "x.yml"
    web.write_text(f"basic_auth_users: {{a: {HASH}}}")
    known = parse("server: {web_config_file: web.yml}", str(main)).server
    main.write_text("server: {}")
    web.write_text(f"basic_auth_users: {{b: {HASH}}}")
    assert refreshed(known).basic_auth == BasicAuth((("b", HASH),), hashed=True)


def test_a_password_of_the_file_itself_is_never_read_again():
    """There is nothing to look at."""
    known = server("basic_auth: {enabled: true, username: a, password: b}")
    assert refreshed(known) is known


SECURE = Server(tls=Tls("c", "k", ciphers=("x",)))


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        (Server(), Server(), []),
        (Server(), Server(listen=(Address("", 1),)), ["server.listen"]),
        (SECURE, replace(SECURE, tls=Tls("c", "other", ciphers=("x",), min_version="TLS13")), []),
        (SECURE, replace(SECURE, tls=Tls("c", "k", ciphers=("y",))), ["tls_server_config"]),
        (
            SECURE,
            replace(SECURE, tls=Tls("c", "k", ciphers=("x",), curve="p")),
            ["tls_server_config"],
        ),
        (Server(), SECURE, ["server.ssl", "tls_server_config"]),
        (SECURE, Server(), ["server.ssl", "tls_server_config"]),
    ],
    ids=["nothing", "address", "files", "suites", "curve", "on", "off"],
)
def test_addresses_suites_curves_and_tls_at_all_take_a_restart(old, new, keys):
    """All else of the section counts when the config is loaded again."""
    assert needs_restart(old, new) == keys
