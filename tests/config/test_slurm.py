"""The section ``slurm``."""

from __future__ import annotations

import pytest

from slurm_exporter.config import Authorization, Cli, Slurm, parse


def test_every_key_of_slurm_is_obeyed():
    """Durations become seconds and sizes bytes."""
    text = """
    slurm:
      source: openmetrics
      urls: [http://ctl1:6817, https://ctl2:6817/]
      timeout: 5s500ms
      max_duty_cycle: 1
      body_size_limit: 10MB
      cli:
        path: /opt/slurm/bin:/usr/bin
      corrections: true
    """
    assert parse(text, "x.yml").slurm == Slurm(
        source="openmetrics",
        urls=("http://ctl1:6817", "https://ctl2:6817"),
        timeout=5.5,
        max_duty_cycle=1.0,
        body_size_limit=10 * 1024 * 1024,
        corrections=True,
        cli=Cli("/opt/slurm/bin:/usr/bin"),
    )


@pytest.mark.parametrize("path", ["bin", "", "/usr/bin:", ":/usr/bin", "/usr/bin:~/bin", "."])
def test_commands_are_in_places_that_do_not_depend_on_where_we_run(complaints, path):
    """An empty part of a PATH is the working directory."""
    [noted] = complaints(f'slurm: {{cli: {{path: "{path}"}}}}')
    assert noted.startswith(
        "1: slurm.cli.path: must be the absolute path of a directory, or several"
    )


def test_a_token_file_is_beside_the_config_and_need_not_be_there_yet():
    """Something else writes it, perhaps after we have started."""
    slurm = parse("slurm: {authorization: {credentials_file: token}}", "/etc/x/x.yml").slurm

    assert slurm.authorization == Authorization(credentials_file="/etc/x/token")


@pytest.mark.parametrize(
    ("written", "command"),
    [
        ("scontrol token lifespan=3600", ("scontrol", "token", "lifespan=3600")),
        ("'sh -c \"a; b\" $HOME'", ("sh", "-c", "a; b", "$HOME")),
        ("[scontrol, token, 'a b', '']", ("scontrol", "token", "a b", "")),
    ],
)
def test_a_command_is_split_as_by_a_shell_or_not_at_all(written, command):
    """Nothing in it is replaced, redirected or run apart."""
    slurm = parse(f"slurm: {{user: alice, authorization: {{token_command: {written}}}}}", "x").slurm

    assert slurm.authorization == Authorization(token_command=command)
    assert slurm.user == "alice"


@pytest.mark.parametrize(
    "written", ["''", "\"''\"", '["", a]', '"a\\0b"', '["a\\0b"]', "{a: b}", "", "[[a]]"]
)
def test_what_cannot_be_run_is_no_command(complaints, written):
    """It would fail at every poll."""
    [noted] = complaints(f"slurm: {{authorization: {{token_command: {written}}}}}")
    assert noted.startswith("1: slurm.authorization.token_command")


def test_the_state_directory_is_beside_the_config_and_must_be_there(tmp_path, complaints):
    """A total that cannot be kept should be known before it is lost."""
    (tmp_path / "state").mkdir()
    text = "slurm: {cli: {state_directory: state}}"
    slurm = parse(text, str(tmp_path / "x.yml")).slurm

    assert slurm.cli.state_directory == str(tmp_path / "state")
    assert complaints("slurm: {cli: {state_directory: /nonexistent}}") == [
        "1: slurm.cli.state_directory: cannot write to /nonexistent: No such file or directory"
    ]
