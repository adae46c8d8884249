from __future__ import annotations

import pytest

from slurm_exporter.config.document import read_document
from slurm_exporter.config.fields import Field, distinct
from slurm_exporter.config.problems import Problems
from slurm_exporter.errors import ConfigError


def field(text):
    """The value of the only key ``x`` of a file."""
    problems = Problems("x.yml")
    return Field(read_document(text, problems), 1, "x", problems)


ABSENT = Field(None, 1, "x", Problems("x.yml"))


def complaints(field):
    """What was noted so far."""
    try:
        field.problems.raise_if_any()
    except ConfigError as error:
        return [str(problem).removeprefix("x.yml:1: x") for problem in error.problems]
    return []


def shout(text):
    """A check that accepts letters only."""
    if not text.isalpha():
        raise ValueError("must be letters")
    return text.upper()


READERS = {
    "text": lambda field: field.text(shout, "DEFAULT"),
    "any_text": lambda field: field.any_text("DEFAULT"),
    "boolean": lambda field: field.boolean(default=True),
    "number": lambda field: field.number(int, 7, "a number"),
    "choice": lambda field: field.choice(("drop", "keep"), "drop"),
    "duration": lambda field: field.duration(3.0, at_least=1, at_most=60),
    "size": lambda field: field.size(5),
    "items": lambda field: field.items("a list"),
    "one_or_more": lambda field: field.one_or_more("a list"),
}


@pytest.mark.parametrize(
    ("reader", "default"),
    [
        ("text", "DEFAULT"),
        ("any_text", "DEFAULT"),
        ("boolean", True),
        ("number", 7),
        ("choice", "drop"),
        ("duration", 3.0),
        ("size", 5),
        ("items", None),
        ("one_or_more", None),
    ],
)
def test_an_absent_key_is_its_default(reader, default):
    """Nothing is noted: leaving a key out is right."""
    assert READERS[reader](ABSENT) == default
    assert not ABSENT.given
    assert ABSENT.empty
    assert ABSENT.clean


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        ("text", "abc", "ABC"),
        ("any_text", "010", "010"),
        ("any_text", "no", "no"),
        ("any_text", "''", ""),
        ("boolean", "OFF", False),
        ("boolean", "no", False),
        ("boolean", "True", True),
        ("number", "12", 12),
        ("choice", "keep", "keep"),
        ("duration", "1m", 60.0),
        ("duration", "'1s'", 1.0),
        ("size", "4096", 4096),
        ("size", "1KB", 1024),
    ],
)
def test_a_right_value_becomes_a_typed_one(reader, text, value):
    """Nothing is noted."""
    right = field(text)
    assert READERS[reader](right) == value
    assert right.clean


@pytest.mark.parametrize(
    ("reader", "text", "complaint"),
    [
        ("text", "a1", "must be letters"),
        ("text", "12", "must be a string, not a number; put it in quotes"),
        ("text", "on", "must be a string, not a boolean; put it in quotes"),
        ("text", "~", "must be a string, not empty"),
        ("text", "[a]", "must be a string, not a list"),
        ("any_text", "{a: b}", "must be a string, not a mapping"),
        ("boolean", "'true'", "must be true or false without quotes, not a string"),
        ("boolean", "1", "must be true or false without quotes, not a number"),
        ("boolean", "!!bool maybe", "must be true or false, not 'maybe'"),
        ("number", "'12'", "must be a number, not a string"),
        ("choice", "kepe", "must be drop or keep, not 'kepe'; did you mean `keep`?"),
        ("choice", "zz", "must be drop or keep, not 'zz'"),
        ("choice", "1", "must be drop or keep, not a number"),
        ("duration", "61s", "must be from 1s to 1m, not '61s'"),
        ("duration", "999ms", "must be from 1s to 1m, not '999ms'"),
        ("duration", "soon", "must be a duration such as 30s or 1m30s, not 'soon'"),
        ("duration", "30", "a duration needs a unit; write 30s for seconds"),
        ("duration", "[30s]", "must be a duration such as 30s, not a list"),
        ("size", "yes", "must be a size such as 10MB, not a boolean"),
        ("items", "a", "must be a list, not a string"),
        ("one_or_more", "{a: b}", "must be a list, not a mapping"),
    ],
)
def test_a_wrong_value_is_noted_and_its_default_used(reader, text, complaint):
    """The message says what is allowed; reading goes on."""
    wrong = field(text)
    assert READERS[reader](wrong) == READERS[reader](ABSENT)
    assert complaints(wrong) == [f": {complaint}"]
    assert not wrong.clean


def test_an_empty_list_key_is_as_good_as_none():
    """``endpoints:`` with nothing after it means the default."""
    assert field("~").items("a list") is None
    assert field("~").clean


def test_the_elements_of_a_list_know_their_places():
    """Paths count from zero, as in the design."""
    parent = field("- a\n- b\n")
    items = parent.items("a list")
    assert [(item.path, item.line) for item in items] == [("x[0]", 1), ("x[1]", 2)]


def test_a_lone_value_is_a_list_of_one():
    """Where one is the usual case."""
    lone = field("a")
    assert lone.one_or_more("a list") == (lone,)


def test_the_type_of_an_absent_value_is_never_wrong():
    """There is nothing to complain of."""
    ABSENT.wrong_type("a list")
    assert ABSENT.clean


def test_what_is_wrong_with_a_key_is_noted_at_its_value():
    """The name comes back as it is."""
    named = field("a")
    assert named.key(shout, "1") == "1"
    assert named.key(shout, "a") == "A"
    assert complaints(named) == [": must be letters"]


def test_a_repeated_value_is_noted_with_the_line_of_the_first():
    """Those that could not be read are left out and not compared."""
    items = field("- a\n- b\n- 1\n- 2\n- a\n").items("a list")

    values = distinct([(item, item.text(str, None)) for item in items], "word")

    assert values == ("a", "b")
    with pytest.raises(ConfigError, match=r"x.yml:5: x\[4\]: duplicate word; first on line 1"):
        items[0].problems.raise_if_any()
