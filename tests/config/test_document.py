from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slurm_exporter.config import document
from slurm_exporter.config.document import Entry, Mapping, Scalar, Sequence, read_document
from slurm_exporter.config.problems import Problems
from slurm_exporter.errors import ConfigError


def read(text):
    """The tree of a text that has nothing wrong."""
    problems = Problems("x.yml")
    node = read_document(text, problems)
    problems.raise_if_any()
    return node


def complaints(text):
    """What is said about a text."""
    problems = Problems("x.yml")
    try:
        read_document(text, problems)
        problems.raise_if_any()
    except ConfigError as error:
        return [str(problem).removeprefix("x.yml:") for problem in error.problems]
    return []


def test_a_tree_knows_its_lines():
    """Every value has its own line and every entry that of its key."""
    assert read("a: 1\nb:\n  - x\n  -\n    c: y\n") == Mapping(
        1,
        {
            "a": Entry(1, Scalar(1, document.NUMBER, "1")),
            "b": Entry(
                2,
                Sequence(
                    3,
                    (
                        Scalar(3, document.STRING, "x"),
                        Mapping(5, {"c": Entry(5, Scalar(5, document.STRING, "y"))}),
                    ),
                ),
            ),
        },
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("abc", document.STRING),
        ("'1'", document.STRING),
        ("!!str 1", document.STRING),
        ("=", document.STRING),
        ("<<", document.STRING),
        ("1", document.NUMBER),
        ("1.5", document.NUMBER),
        ("yes", document.BOOLEAN),
        ("2026-01-01", document.DATE),
        ("~", document.EMPTY),
        ("", document.EMPTY),
    ],
)
def test_a_scalar_knows_what_yaml_takes_it_for(text, kind):
    """Quotes make a string of anything."""
    node = read(f"- {text}")
    assert isinstance(node, Sequence)
    assert [item.kind for item in node.items] == [kind]


@pytest.mark.parametrize("text", ["1_000", "0x1F", "010", "Yes", "2026-01-01", "1e3"])
def test_a_scalar_keeps_its_text_as_written(text):
    """A rack called 010 stays 010 and does not become 8."""
    assert read(text).text == text


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_text_is_empty(text):
    """An empty file is a right one, a byte order mark or not."""
    node = read(text)
    assert node == Mapping(1, {}) or node.kind == document.EMPTY


def test_keys_are_texts_as_written():
    """A label may be called ``on``, which YAML takes for a boolean, or ``1``."""
    assert list(read("{on: a, 1: b, ~: c, 'd e': f}").entries) == ["on", "1", "~", "d e"]


def test_an_alias_is_a_copy():
    """What it stands for is read again in its new place."""
    node = read("a: &x [1]\nb: *x\n")
    assert node.entries["b"].node == node.entries["a"].node
    assert node.entries["b"].line == 2


def test_a_merge_key_brings_the_entries_that_are_missing():
    """Own entries win over merged ones, wherever they stand."""
    node = read("- &x {a: 1, b: 2}\n- {b: 3, <<: *x}\n")
    merged = {key: entry.node.text for key, entry in node.items[1].entries.items()}
    assert merged == {"a": "1", "b": "3"}


def test_of_several_merged_mappings_the_first_wins():
    """As the YAML specification of merge keys has it."""
    node = read("- &x {a: 1}\n- &y {a: 2, b: 2}\n- {<<: [*x, *y]}\n- {<<: *x, <<: *y}\n")
    for item in node.items[2:]:
        assert {key: entry.node.text for key, entry in item.entries.items()} == {"a": "1", "b": "2"}


def test_a_merge_key_refuses_what_has_no_entries():
    """The rest of the mapping is read all the same."""
    assert complaints("a: {<<: [x, {b: 1}], b: 1, b: 2}") == [
        "1: a: `<<` merges a mapping or a list of them, not a string",
        "1: a.b: duplicate key; first on line 1",
    ]


def test_every_duplicate_key_is_found_wherever_it_is():
    """Each one names the line of the first."""
    assert complaints("a: 1\nb:\n  - {c: 1, c: 2}\na: 2\na: 3\n") == [
        "3: b[0].c: duplicate key; first on line 3",
        "4: a: duplicate key; first on line 1",
        "5: a: duplicate key; first on line 1",
    ]


@pytest.mark.parametrize("key", ["[a]", "{a: b}"])
def test_a_key_that_is_no_text_is_refused(key):
    """YAML allows lists as keys; a config has no use for them."""
    assert complaints(f"x:\n  ? {key}\n  : 1\n") == [
        "2: x: a key must be a name, not a list or mapping"
    ]


@pytest.mark.parametrize(
    "text", ["!env x", "!!binary aGk=", "!!set {a, b}", "!!python/none x", "!mine [a]", "!!map x"]
)
def test_tags_are_refused_not_obeyed(text):
    """A tag could ask for any object; only YAML's plain types are read."""
    assert complaints(f"a: {text}") == [
        "1: a: a YAML tag is not allowed here; write the plain value"
    ]


def test_half_a_surrogate_pair_is_refused():
    """It could not be written to a page or a log; in a key it is refused as well."""
    assert complaints(r'"a\ud800": "b\udfff"') == [
        "1: holds half of a surrogate pair, not a character",
        "1: ['a?']: holds half of a surrogate pair, not a character",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "1: not valid YAML: while parsing a flow sequence"),
        ("\n\na:\n\tb: 1", "4: not valid YAML: while scanning for the next token, found character"),
        ("a: %x", "(put the value in quotes)"),
        ("a:\n  b: 1\n c: 2", "3: not valid YAML: while parsing a block mapping, expected"),
        ("a\nb: 1", "2: not valid YAML: mapping values are not allowed here"),
        ("abc\n\ud800", "2: not valid YAML: character #xd800 is not allowed"),
        (r'a: "\UFFFFFFFF"', "1: not valid YAML: a number or an escape is out of range"),
        (r'a: "\U00110000"', "1: not valid YAML: a number or an escape is out of range"),
        ("a: 1\nb: 'open\nc: 2\n", "2: not valid YAML: while scanning a quoted scalar, found"),
        ("- a\n--- b", "2: not valid YAML: expected a single document in the stream"),
        ("%YAML 2.0\n--- a", "1: not valid YAML: found incompatible YAML document"),
    ],
)
def test_a_text_that_is_no_yaml_is_one_problem_with_its_line(text, words):
    """Whatever PyYAML raises, it becomes a sentence."""
    [complaint] = complaints(text)
    assert words in complaint


@pytest.mark.parametrize("text", ["password: *hunter2", "password: !hunter2!x y"])
def test_a_password_that_yaml_takes_for_a_name_is_not_shown(text):
    """PyYAML's message would have it."""
    [complaint] = complaints(text)
    assert "hunter2" not in complaint
    assert "in quotes" in complaint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[" * 100_000, 1),
        ("a:\n- " + "- " * 10_000, 2),
        ("\na: &a\n  b: *a\n", 2),
        ("a: &a {<<: *a}\n", 1),
        ("".join(f"- &a{n} [*a{n - 1}]\n" if n else "- &a0 []\n" for n in range(99)), 1),
    ],
)
def test_depth_without_end_is_stopped(text, line):
    """Neither brackets nor aliases that contain themselves exhaust the stack."""
    assert complaints(text) == [
        f"{line}: nested more than 16 levels deep, or an alias that contains itself"
    ]


def test_aliases_that_multiply_are_stopped():
    """A few lines that stand for a billion values do not fill the memory."""
    bomb = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert complaints(bomb) == ["1: more than 10000 values once its aliases are resolved"]


def test_the_depth_and_size_of_an_honest_file_are_no_problem():
    """The limits are far from anything that a config needs."""
    assert len(read("- {a: [b]}\n" * 2000).items) == 2000


@settings(deadline=None)  # PyYAML is slow
@given(text=st.text() | st.text(alphabet="ab:-?{}[]&*!|>'\"%@#\\\t\n ,<~1U"))
def test_any_text_is_a_tree_or_a_config_error(text):
    """No other exception comes out of PyYAML, and each problem has its line."""
    assert all(re.match(r"[1-9][0-9]*: ", complaint) for complaint in complaints(text))
