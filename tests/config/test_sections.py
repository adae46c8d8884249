from __future__ import annotations

import pytest

from slurm_exporter.config.problems import Problems
from slurm_exporter.config.sections import open_document, read_section
from slurm_exporter.errors import ConfigError


@pytest.fixture
def problems():
    """Where problems of a file are noted."""
    return Problems("x.yml")


def complaints(problems):
    """What was noted so far."""
    try:
        problems.raise_if_any()
    except ConfigError as error:
        return [str(problem).removeprefix("x.yml:") for problem in error.problems]
    return []


def test_a_taken_key_is_known_whether_it_is_there_or_not(problems):
    """A field has its path and line; an absent one has the line of the mapping."""
    root = open_document("\nserver:\n  port: 1\n", problems)
    server = root.section("server")

    port, listen = server.take("port"), server.take("listen")

    assert (port.given, port.path, port.line) == (True, "server.port", 3)
    assert (listen.given, listen.path, listen.line) == (False, "server.listen", 2)
    assert server.finish()
    assert complaints(problems) == []


def test_a_key_that_nobody_took_is_unknown(problems):
    """With the nearest allowed key, or with all of them."""
    root = open_document("intervall: 1\ncolour: 2\nname: 3\n", problems)
    root.take("name")
    root.take("interval")

    assert not root.finish()
    assert complaints(problems) == [
        "1: intervall: unknown key; did you mean `interval`?",
        "2: colour: unknown key; allowed are name, interval",
    ]


def test_a_required_key_that_is_absent_is_noted_at_its_mapping(problems):
    """Present or optional keys are not."""
    root = open_document("a: 1", problems)
    root.take("a", required=True)
    root.take("b", required=True)
    root.take("c")
    assert complaints(problems) == ["1: b: is required"]


def test_of_two_keys_that_exclude_each_other_one_may_be_there(problems):
    """Both together are noted at the second."""
    root = open_document("a: 1\nb: 2\n", problems)
    root.either("a", "c")
    assert complaints(problems) == []
    root.either("a", "b")
    assert complaints(problems) == ["2: b: cannot be used together with `a`; keep one of them"]


@pytest.mark.parametrize("text", ["", "s:", "s: {}"])
def test_an_absent_or_empty_section_has_no_keys(problems, text):
    """``server:`` with nothing after it means the defaults."""
    section = open_document(text, problems).section("s")
    assert section.empty
    assert complaints(problems) == []


def test_an_empty_section_stands_in_for_a_wrong_one(problems):
    """Reading goes on to find what else is wrong."""
    section = open_document("s: [a]", problems).section("s")
    assert section.empty
    assert complaints(problems) == ["1: s: must be a mapping of keys, not a list"]


def test_a_list_item_that_is_no_mapping_is_told_from_an_empty_one(problems):
    """Nothing can be missing in what is no mapping."""
    items = open_document("a: [x, ~]", problems).take("a").items("a list")
    assert read_section(items[0], "a mapping") is None
    assert read_section(items[1], "a mapping").empty
    assert complaints(problems) == ["1: a[0]: must be a mapping, not a string"]


@pytest.mark.parametrize("text", ["- a", "a", "1"])
def test_a_document_is_a_mapping(problems, text):
    """Anything else is noted."""
    assert open_document(text, problems).empty
    assert "must be a mapping of keys, not " in complaints(problems)[0]


def test_keys_of_the_operator_are_all_known(problems):
    """Labels and users may have any name."""
    section = open_document("s: {b: 1, a: 2}", problems).section("s")
    assert [(key, field.path) for key, field in section.all()] == [("b", "s.b"), ("a", "s.a")]
    assert section.finish()


def test_a_refused_key_is_noted_once_and_is_not_among_the_allowed(problems):
    """It gets a reason of its own; absent ones get none."""
    root = open_document("headers: {}\nzzzzz: 1\n", problems)
    root.take("http2")
    root.refuse(("headers", "other"), "is not supported")

    assert not root.finish()
    assert complaints(problems) == [
        "1: headers: is not supported",
        "2: zzzzz: unknown key; allowed are http2",
    ]
