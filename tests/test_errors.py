"""The tree of errors."""

from __future__ import annotations

import pytest

from slurm_exporter import errors
from slurm_exporter.errors import INTERNAL, REASONS, ConfigError, PollError, Problem


def test_every_poll_error_has_its_own_reason_and_every_reason_its_error() -> None:
    """But ``internal``, which is what everything else is counted as."""
    reasons = [error.reason for error in PollError.__subclasses__()]

    assert sorted(reasons) == sorted(set(REASONS) - {INTERNAL})


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Each class stands there, with the reason it is counted under."""
    assert errors.__doc__
    for error in PollError.__subclasses__():
        (line,) = [line for line in errors.__doc__.splitlines() if error.__name__ in line]
        assert line.split(error.__name__)[1].split()[0] == error.reason


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("a.yml", 3, "slurm.url", "must be a URL"), "a.yml:3: slurm.url: must be a URL"),
        (Problem("a.yml", None, "", "cannot read"), "a.yml: cannot read"),
        (Problem("a.yml", 7, "", "bad YAML"), "a.yml:7: bad YAML"),
    ],
)
def test_a_problem_says_where_it_is(problem: Problem, words: str) -> None:
    """File, line and key, as far as they are known."""
    assert str(problem) == words


def test_a_config_error_says_every_problem() -> None:
    """One per line."""
    error = ConfigError((Problem("a", 1, "x", "one"), Problem("a", 2, "y", "two")))

    assert str(error) == "a:1: x: one\na:2: y: two"
