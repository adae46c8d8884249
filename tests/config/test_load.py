from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from slurm_exporter.config import (
    MORE_LABELS,
    Address,
    BasicAuth,
    Config,
    Endpoint,
    Logging,
    Server,
    Slurm,
    load,
    parse,
)
from slurm_exporter.errors import ConfigError

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "config"
EXAMPLE = ROOT / "etc" / "slurm_exporter.yml"
PASSWORD = "s3cr3t-w0rd"


def problems(text):
    """What is wrong with a text."""
    try:
        parse(text, "x.yml")
    except ConfigError as error:
        return error.problems
    return ()


def test_the_first_specification_runs_as_it_is():
    """A file that was written for an earlier exporter."""
    path = str(FIXTURES / "first-specification.yml")
    assert load(path) == Config(
        file=path,
        slurm=Slurm(urls=("http://localhost:6817",), timeout=10.0),
        server=Server(listen=(Address("", 8080),), basic_auth=BasicAuth((("admin", "password"),))),
        endpoints=(
            Endpoint("jobs", "/metrics/jobs", interval=30.0),
            Endpoint("nodes", "/metrics/nodes", interval=60.0),
            Endpoint("partitions", "/metrics/partitions", interval=60.0),
            Endpoint(
                "jobs-users-accts",
                "/metrics/jobs-users-accts",
                interval=120.0,
                cli_interval=120.0,
            ),
            Endpoint("scheduler", "/metrics/scheduler", interval=30.0),
        ),
        labels=(("cluster", "cluster01"), ("env", "prod"), ("region", "eu-west-1")),
        logging=Logging(level="info", output="stdout"),
    )


def test_the_example_says_the_defaults():
    """Whoever installs it unchanged changes nothing."""
    assert dataclasses.replace(load(str(EXAMPLE)), file=None) == Config()


def known_keys(text):
    """The keys that the loader offers instead of an unknown one."""
    for problem in problems(text):
        _, _, known = problem.message.partition("unknown key; allowed are ")
        yield from filter(None, known.split(", "))


def test_the_example_has_every_key():
    """Set to its default or commented out; the loader itself is asked for its keys."""
    unknown = "zzzzz: 1"
    server = f"basic_auth: {{{unknown}, enabled: false}}, ssl: {{{unknown}, enabled: false}}"
    slurm = ", ".join(f"{key}: {{{unknown}}}" for key in ("authorization", "tls_config", "cli"))
    login = f"slurm: {{basic_auth: {{{unknown}}}}}"
    known = set(
        known_keys(
            f"{{slurm: {{{slurm}, {unknown}}}, server: {{{server}, {unknown}}},"
            f" logging: {{{unknown}}}, endpoints: [{{name: jobs, {unknown}}}], {unknown}}}"
        )
    ) | set(known_keys(f"{{{login}}}"))
    shown = set(re.findall(r"^[ #-]*([a-z_]+):", EXAMPLE.read_text(), re.MULTILINE))

    assert {
        "slurm",
        "urls",
        "token_command",
        "server_name",
        "password_file",
        "listen",
        "password",
        "key_file",
        "max_age",
        "output",
    } <= known
    assert known - shown == set()


MESSAGES = (FIXTURES / "messages.txt").read_text().splitlines()


def test_every_rule_has_a_file_that_breaks_it():
    """And every such file its messages."""
    assert {path.name for path in FIXTURES.glob("invalid-*.yml")} == {
        message.partition(":")[0] for message in MESSAGES
    }


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("invalid-*.yml")), ids=lambda path: path.stem)
def test_a_broken_rule_is_said_in_exactly_these_words(path, monkeypatch):
    """With file, line and path, as ``--config.check`` shows them."""
    monkeypatch.chdir(FIXTURES)

    with pytest.raises(ConfigError) as caught:
        load(path.name)

    expected = [message for message in MESSAGES if message.startswith(f"{path.name}:")]
    assert str(caught.value).splitlines() == expected
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{}", "~", "slurm:\nserver:\nendpoints:\nlabels:\nlogging:\n"]
)
def test_what_is_left_out_has_its_default(text):
    """A section with nothing after it counts as left out."""
    assert parse(text, "x.yml") == Config(file="x.yml")


def test_labels_are_texts_as_the_file_writes_them():
    """In its order; a bare number, boolean or date is no mistake."""
    text = "labels: {rack: 7, row: 010, on: yes, since: 2026-01-01, load: 1.50, none: '', e: é}"
    assert parse(text, "x.yml").labels == (
        ("rack", "7"),
        ("row", "010"),
        ("on", "yes"),
        ("since", "2026-01-01"),
        ("load", "1.50"),
        ("none", ""),
        ("e", "é"),
    )


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("stdout", "stdout"),
        ("stderr", "stderr"),
        ("/var/log/exporter.log", "/var/log/exporter.log"),
        ("./exporter.log", "/etc/exporter.log"),
    ],
)
def test_the_log_goes_to_a_stream_or_a_file(output, expected):
    """A relative path is relative to the config file."""
    logging = parse(
        f"logging: {{output: {output}, level: debug, format: json}}", "/etc/x.yml"
    ).logging
    assert logging == Logging(level="debug", format="json", output=expected)


@pytest.mark.parametrize("output", ["syslog", "exporter.log", "''"])
def test_a_log_file_has_a_slash(complaints, output):
    """A misspelt stream would become a file otherwise."""
    [noted] = complaints(f"logging: {{output: {output}}}")
    assert noted.startswith(
        "1: logging.output: must be stderr, stdout or the path of a file with a /"
    )


def test_problems_of_all_sections_come_at_once_in_the_order_of_the_file(complaints):
    """The operator mends them in one go."""
    text = (
        "logging: {level: x}\nlabels: {le: a}\nendpoints: 5\nserver: {port: x}\nslurm: {url: x}\n"
    )
    assert [noted.partition(": ")[0] for noted in complaints(text)] == ["1", "2", "3", "4", "5"]


def test_a_missing_file_is_named(tmp_path):
    """In the system's words, without a line."""
    with pytest.raises(ConfigError) as caught:
        load(f"{tmp_path}/no.yml")
    assert str(caught.value) == f"{tmp_path}/no.yml: cannot read: No such file or directory"


KEYS = st.sampled_from([*re.findall(r"([a-z_]+):", EXAMPLE.read_text()), "node", "<<"])
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text()
    | st.sampled_from(
        ["jobs", "nodes", "10s", "1d", "45s", "/metrics", "http://a", ":1", "drop", "/"]
    )
)
SHAPES = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=5)
    ),
    max_leaves=20,
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "slurm": st.dictionaries(KEYS, SHAPES, max_size=5),
        "server": st.dictionaries(KEYS, SHAPES, max_size=5),
        "endpoints": st.lists(st.dictionaries(KEYS, VALUES, max_size=8), max_size=6),
        "labels": st.dictionaries(KEYS | st.text(), VALUES, max_size=5),
        "logging": st.dictionaries(KEYS, VALUES, max_size=5),
    },
)


@settings(deadline=None)  # PyYAML is slow
@given(text=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_config_or_a_config_error(text):
    """Nothing else is ever raised, and each problem has its file and line."""
    assert all(problem.file == "x.yml" and problem.line for problem in problems(text))


@settings(deadline=None)  # PyYAML is slow
@given(tree=SHAPES | SECTIONS)
def test_any_yaml_is_a_config_or_a_config_error(tree):
    """Whatever its shape; a message is one line that can be printed."""
    for problem in problems(yaml.safe_dump(tree, allow_unicode=True)):
        assert problem.line
        assert str(problem).isprintable()


@settings(deadline=None)  # PyYAML is slow
@given(sections=SECTIONS, name=VALUES, enabled=VALUES)
def test_no_problem_shows_the_password(sections, name, enabled):
    """Whatever else is wrong with the file."""
    auth = {"enabled": enabled, "username": name, "password": PASSWORD}
    tree = {**sections, "server": {**sections.get("server", {}), "basic_auth": auth}}
    for problem in problems(yaml.safe_dump(tree)):
        assert PASSWORD not in str(problem)


@pytest.mark.parametrize(
    ("endpoint", "label"),
    [(endpoint, label) for endpoint, labels in MORE_LABELS.items() for label in labels],
)
def test_a_label_of_an_endpoint_is_refused_where_that_is_polled(endpoint, label, complaints):
    """Elsewhere it is as good as any."""
    text = f"labels: {{{label}: x}}\nendpoints: [{{name: jobs}}, {{name: {endpoint}"
    assert complaints(f"{text}, enabled: false}}]") == []
    assert complaints(f"{text}}}]") == [
        f"1: labels.{label}: samples of the endpoint {endpoint} have a label of this name already"
    ]
