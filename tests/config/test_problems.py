from __future__ import annotations

import pytest

from slurm_exporter.config.problems import Problems, key_path
from slurm_exporter.errors import ConfigError


@pytest.mark.parametrize(
    ("parent", "key", "path"),
    [
        ("", "server", "server"),
        ("server", "port", "server.port"),
        ("endpoints[2]", "max_age", "endpoints[2].max_age"),
        ("labels", "data-center", "labels.data-center"),
        ("labels", "a.b", "labels['a.b']"),
        ("labels", "two\nlines", r"labels['two\nlines']"),
        ("", "", "['']"),
    ],
)
def test_a_path_is_written_as_in_the_design_and_quotes_what_would_mislead(parent, key, path):
    """A path is one line and has no other dots than those between keys."""
    assert key_path(parent, key) == path


def test_problems_come_in_the_order_of_the_file():
    """Those of the file as a whole come first; on one line the order of finding counts."""
    problems = Problems("x.yml")
    problems.add(7, "b", "second")
    problems.add(3, "a", "first")
    problems.add(7, "a", "third")
    problems.add(None, "", "whole")

    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()

    assert [found.message for found in caught.value.problems] == [
        "whole",
        "first",
        "second",
        "third",
    ]
    assert str(caught.value).splitlines()[1] == "x.yml:3: a: first"


def test_without_problems_nothing_is_raised():
    """A right file passes."""
    Problems("x.yml").raise_if_any()


def test_stopping_keeps_what_was_found_before():
    """The last problem does not hide the others."""
    problems = Problems("x.yml")
    problems.add(1, "a", "first")

    with pytest.raises(ConfigError) as caught:
        problems.stop(2, "", "last")

    assert [found.message for found in caught.value.problems] == ["first", "last"]


def test_a_path_is_clean_while_nothing_at_or_below_it_is_wrong():
    """A neighbour whose name starts the same does not count."""
    problems = Problems("x.yml")
    problems.add(1, "endpoints[1].timeout", "wrong")

    assert not problems.clean("endpoints[1].timeout")
    assert not problems.clean("endpoints[1]")
    assert not problems.clean("endpoints")
    assert not problems.clean("labels", "endpoints")
    assert problems.clean("endpoints[1].timeouts", "endpoints[10]", "endpoint", "labels")
