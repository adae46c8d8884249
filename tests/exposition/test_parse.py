"""Slurm's text to families."""

from __future__ import annotations

import re
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from slurm_exporter.courtesy import courteous
from slurm_exporter.exposition import Admission, Family, Format, Parsed, Rule, parse, render
from slurm_exporter.exposition import parse as parse_function
from slurm_exporter.sources.native import ADMISSIONS
from tests.conftest import Turns
from tests.fake_slurmctld import NAMES, recorded

module = __import__(parse_function.__module__, fromlist=["parse"])

NODES = ADMISSIONS["nodes"]
NODE = "# HELP slurm_node_cpus Cores\n# TYPE slurm_node_cpus gauge\n"


def read(text: str, admission: Admission) -> Parsed:
    return parse(text.encode(), admission)


def rows_of(text: str, admission: Admission = NODES) -> dict[str, list[tuple[str, ...]]]:
    return {family.name: list(family.rows) for family in read(text, admission).families}


def plain(family: Family) -> tuple[object, ...]:
    return family.name, family.type, family.help, family.labels, list(family.rows)


def line_by_line(text: str, admission: Admission) -> object:
    """Parse with the strict reading switched off."""
    with mock.patch.object(module, "_read_strictly", return_value=None):
        return read(text, admission)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_answer_means_what_the_reference_parser_says(name: str) -> None:
    """Families, types, helps, labels and numbers of slurmctld 26.05.5 are all there."""
    text = recorded(name).decode()
    parsed = read(text, ADMISSIONS[name])

    expected = {
        (sample.name, tuple(sample.labels.values()) or ("",) * len(family.labels)): sample.value
        for reference, family in zip(
            text_string_to_metric_families(text), parsed.families, strict=True
        )
        for sample in reference.samples
    }
    served = {
        (family.name, row[:-1]): float(row[-1]) for family in parsed.families for row in family.rows
    }
    assert served == expected
    assert parsed.dropped == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_real_answer_is_read_the_same_strictly_and_line_by_line(name: str) -> None:
    """The fast reading and the careful one agree on what slurmctld really sends."""
    text = recorded(name).decode()

    strict, careful = read(text, ADMISSIONS[name]), line_by_line(text, ADMISSIONS[name])

    assert list(map(plain, strict.families)) == list(map(plain, careful.families))


def test_a_real_answer_takes_the_strict_path() -> None:
    """What slurmctld sends never costs the slow reading."""
    with mock.patch.object(module, "_read_lines", side_effect=AssertionError):
        for name in NAMES:
            read(recorded(name).decode(), ADMISSIONS[name])


def test_numbers_stay_as_slurm_wrote_them() -> None:
    """A 64-bit integer keeps all its digits, an exponent its spelling."""
    text = (
        NODE + 'slurm_node_cpus{node="a"} 18446744073709551615\nslurm_node_cpus{node="b"} 1e-07\n'
    )

    assert rows_of(text) == {
        "slurm_node_cpus": [("a", "18446744073709551615"), ("b", "1e-07")],
    }


@pytest.mark.parametrize("number", ["NaN", "+Inf", "-Inf", "0", "-3", "0.5", "1.5e+19"])
def test_every_spelling_of_a_number_is_read(number: str) -> None:
    """Numbers of any kind go through, as they are."""
    assert rows_of(f'{NODE}slurm_node_cpus{{node="a"}} {number}\n') == {
        "slurm_node_cpus": [("a", number)]
    }


@pytest.mark.parametrize(
    "number",
    ["-nan", "-NaN", "1e400", "9" * 400, "1e308", "0x10", "\u0663", "", "--1", "1e"],
)
def test_what_some_reader_would_refuse_is_no_number(number: str) -> None:
    """One such number would cost the whole page at Prometheus."""
    text = f'{NODE}slurm_node_cpus{{node="a"}} {number}\nslurm_node_cpus{{node="b"}} 1\n'

    assert rows_of(text) == {"slurm_node_cpus": [("b", "1")]}


@pytest.mark.parametrize("line", [" slurm_jobs 1", "slurm_jobs 1 ", "slurm_jobs{} 1"])
def test_spaces_around_a_row_are_not_its_number(line: str) -> None:
    """Where the reference parser judges, the number is still what is written."""
    assert rows_of(f"{line}\n", ADMISSIONS["jobs"]) == {"slurm_jobs": [("1",)]}


@pytest.mark.parametrize(
    "value",
    ['we"ird', "CORP\\dan", "back\\", '"} 1', 'a="b"', "ünï", "", "{}", "a,b", "x\ry", "tab\t"],
)
def test_a_label_value_is_everything_up_to_the_last_quote_and_brace(value: str) -> None:
    """slurmctld escapes nothing, so nothing is unescaped."""
    head = "# HELP slurm_user_jobs Jobs\n# TYPE slurm_user_jobs gauge\n"
    text = f'{head}slurm_user_jobs{{username="{value}"}} 8\n'
    assert rows_of(text, ADMISSIONS["jobs-users-accts"]) == {"slurm_user_jobs": [(value, "8")]}
    assert rows_of(f'{NODE}slurm_node_cpus{{node="{value}"}} 8\n') == {
        "slurm_node_cpus": [(value, "8")]
    }


def test_a_row_without_the_label_has_the_empty_label_value() -> None:
    """A job without an account gives ``slurm_account_jobs 1`` beside labelled rows."""
    head = "# HELP slurm_account_jobs Jobs\n# TYPE slurm_account_jobs gauge\n"
    text = head + 'slurm_account_jobs 1\nslurm_account_jobs{account="bio"} 2\n'
    admission = ADMISSIONS["jobs-users-accts"]
    expected = {"slurm_account_jobs": [("", "1"), ("bio", "2")]}

    assert rows_of(text, admission) == expected
    assert {f.name: list(f.rows) for f in line_by_line(text, admission).families} == expected


def test_only_where_users_choose_names_can_a_second_label_be_part_of_a_name() -> None:
    """A later Slurm's second label must not be taken for a node's odd name."""
    odd = 'a",type="gpu'
    text = f'{NODE}slurm_node_cpus{{node="{odd}"}} 1\nslurm_node_cpus{{node="b"}} 2\n'
    assert rows_of(text) == {"slurm_node_cpus": [("b", "2")]}
    assert read(text, NODES).dropped == {"foreign": 1}

    text = text.replace("node_", "user_").replace("node=", "username=")
    expected = {"slurm_user_cpus": [(odd, "1"), ("b", "2")]}
    assert rows_of(text, ADMISSIONS["jobs-users-accts"]) == expected


def test_families_may_come_in_any_order_and_in_pieces() -> None:
    """Rows are grouped by family wherever they stand."""
    text = (
        'slurm_node_cpus{node="a"} 1\n# HELP slurm_nodes All\n# TYPE slurm_nodes gauge\n'
        "slurm_nodes 2\n# HELP slurm_node_cpus Cores\n# TYPE slurm_node_cpus gauge\n"
        'slurm_node_cpus{node="b"} 3\n'
    )

    families = read(text, NODES).families

    assert list(map(plain, families)) == [
        ("slurm_node_cpus", "gauge", "Cores", ("node",), [("a", "1"), ("b", "3")]),
        ("slurm_nodes", "gauge", "All", (), [("2",)]),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("slurm_jobs_running 424242", "foreign"),
        ('slurm_partition_cpus{partition="p"} 1', "foreign"),
        ('slurm_node_cpus{username="x"} 1', "foreign"),
        ('slurm_nodes{node="x"} 1', "foreign"),
        ('slurm_node_cpus{node="b",core="1"} 1', "foreign"),
        ("slurm_exporter_endpoint_up 1", "foreign"),
        ('slurm_node_cpus{node="a"} 9', "duplicate"),
        ("slurm_node_cpus{node", "malformed"),
        ('slurm_node_cpus{node="b"} many', "malformed"),
        ('slurm_node_cpus{node="b"}', "malformed"),
        ("", "malformed"),
        ("# a comment", "malformed"),
        ("<html>", "malformed"),
        ('slurm_node_cpus{node="b"} 1_0', "malformed"),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_a_row_that_cannot_be_used_costs_that_row_and_is_counted(
    line: str, reason: str, last: bool
) -> None:
    """The rest is kept, whatever is wrong with one line and wherever it stands."""
    good = 'slurm_node_cpus{node="a"} 8\n'
    text = f"{NODE}{good}{line}\n" if last else f"{line}\n{NODE}{good}"
    parsed = read(text, NODES)

    kept = "9" if reason == "duplicate" and not last else "8"
    assert [list(family.rows) for family in parsed.families] == [[("a", kept)]]
    assert parsed.dropped == {reason: 1}


@pytest.mark.parametrize(
    "line",
    [
        'slurm_node_cpus{node="a",} 8',
        'slurm_node_cpus{ node = "a" } 8',
        'slurm_node_cpus{node="a"}   8',
        'slurm_node_cpus{node="a"}\t8',
        'slurm_node_cpus{node="a"} 8 1700000000000',
    ],
)
def test_the_reference_parser_judges_rows_of_another_shape(line: str) -> None:
    """What is valid though slurmctld never writes it so is read; its timestamp is left out."""
    parsed = read(f"{NODE}{line}\n", NODES)

    assert [list(family.rows) for family in parsed.families] == [[("a", "8")]]
    assert parsed.dropped == {}


def test_an_end_mark_and_a_missing_last_newline_are_accepted() -> None:
    """OpenMetrics' ``# EOF`` is nothing to complain about."""
    row = 'slurm_node_cpus{node="a"} 8'

    assert read(f"{NODE}{row}\n# EOF\n", NODES).dropped == {}
    assert rows_of(f"{NODE}{row}") == {"slurm_node_cpus": [("a", "8")]}


@pytest.mark.parametrize(
    ("word", "kind"),
    [("gauge", "gauge"), ("counter", "counter"), ("untyped", "unknown"), ("stateset", "unknown")],
)
def test_types_are_passed_on_and_unknown_ones_called_unknown(word: str, kind: str) -> None:
    """A type that Slurm does not use today does not cost the family."""
    text = f"# HELP slurm_jobs All\n# TYPE slurm_jobs {word}\nslurm_jobs 3\n"

    (family,) = read(text, ADMISSIONS["jobs"]).families

    assert family.type == kind


def test_a_family_without_header_or_without_rows() -> None:
    """Rows count without HELP and TYPE; HELP and TYPE without rows are no family."""
    admission = ADMISSIONS["jobs"]
    assert list(map(plain, read("slurm_jobs 3\n", admission).families)) == [
        ("slurm_jobs", "unknown", "", (), [("3",)])
    ]
    assert read("# HELP slurm_jobs All\n# TYPE slurm_jobs gauge\n", admission).families == ()
    assert read("", admission).families == ()


def test_a_help_line_without_its_type_line_is_still_the_help() -> None:
    """HELP and TYPE need not be neighbours."""
    text = "# HELP slurm_jobs All\nslurm_jobs 3\n"

    assert list(map(plain, read(text, ADMISSIONS["jobs"]).families)) == [
        ("slurm_jobs", "unknown", "All", (), [("3",)])
    ]


def test_a_long_family_is_read_across_slices() -> None:
    """Slices end at line ends, wherever those are."""
    values = [f"node{i}" + "x" * (i % 300) for i in range(3000)] + ["y" * 200_000]
    text = NODE + "".join(f'slurm_node_cpus{{node="{value}"}} 1\n' for value in values)

    with mock.patch.object(module, "_read_lines", side_effect=AssertionError):
        (family,) = read(text, NODES).families

    assert [row[0] for row in family.rows] == values


def test_a_second_sample_of_a_family_without_labels_is_a_duplicate() -> None:
    """Nothing tells the two apart."""
    text = "# HELP slurm_jobs All\n# TYPE slurm_jobs gauge\nslurm_jobs 3\nslurm_jobs 4\n"
    parsed = read(text, ADMISSIONS["jobs"])

    assert [list(family.rows) for family in parsed.families] == [[("3",)]]
    assert parsed.dropped == {"duplicate": 1}


def test_others_get_their_turn_before_each_slice_is_read_or_read_again() -> None:
    """So a large answer delays nobody for long, when it is parsed and when it is rendered."""
    rows = "".join(f'slurm_node_cpus{{node="node{i}"}} 1\n' for i in range(3000))
    turns = Turns()

    with courteous(turns):
        (family,) = parse_function((NODE + rows).encode(), NODES).families
        parsing = turns.count
        assert sum(1 for _ in family.rows) == len(family.rows) == 3000

    assert parsing >= len(rows) / module._SLICE
    assert turns.count == 2 * parsing


# ------------------------------------------------------------------ whatever Slurm could send

VALUES = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**64).map(str),
    st.floats(-1e300, 1e300).map(repr),
    st.sampled_from(["NaN", "+Inf", "-Inf", "Inf"]),
)
ANY = Admission(
    (Rule(re.compile(r"slurm_v_\w+"), "v"), Rule(re.compile(r"slurm_\w+"))),
)


@st.composite
def honest_text(draw: st.DrawFn) -> tuple[str, list[tuple[object, ...]]]:
    """A text as slurmctld writes it, and the families it means."""
    labelled = draw(
        st.dictionaries(
            st.from_regex(r"slurm_v_[a-z]{1,3}", fullmatch=True),
            st.dictionaries(VALUES, NUMBERS, min_size=1, max_size=5),
            max_size=4,
        )
    )
    bare = draw(
        st.dictionaries(st.from_regex(r"slurm_[a-u]{1,3}", fullmatch=True), NUMBERS, max_size=3)
    )
    help_text = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=10)
    text, families = "", []
    for name, rows in labelled.items():
        words = draw(help_text)
        text += f"# HELP {name} {words}\n# TYPE {name} gauge\n"
        text += "".join(f'{name}{{v="{value}"}} {number}\n' for value, number in rows.items())
        families.append((name, "gauge", words, ("v",), list(rows.items())))
    for name, number in bare.items():
        text += f"# HELP {name} h\n# TYPE {name} gauge\n{name} {number}\n"
        families.append((name, "gauge", "h", (), [(number,)]))
    return text, families


@given(honest_text())
def test_any_honest_text_is_read_as_meant(case: tuple[str, list[tuple[object, ...]]]) -> None:
    """Strictly and line by line, whatever the names and numbers are."""
    text, families = case

    assert list(map(plain, read(text, ANY).families)) == families
    assert list(map(plain, line_by_line(text, ANY).families)) == families


@given(st.text())
def test_no_text_at_all_makes_the_parser_raise(text: str) -> None:
    """Whatever comes, it is read or counted."""
    read(text, ANY)
    read(f"slurm_v_a{text}", ANY)


PIECES = st.sampled_from(
    [
        "# HELP ",
        "# TYPE ",
        "slurm_v_a",
        "slurm_b",
        '{v="',
        '"}',
        " ",
        "1",
        "\n",
        "gauge",
        "\\",
        '"',
        "x",
        "# EOF\n",
        "\t",
        ",",
        "}",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_what_is_served_of_any_text_is_valid_and_means_the_same(text: str) -> None:
    """Rendered again, the reference parser reads exactly the families that were read."""
    families = read(text, ANY).families
    served = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(
            b"".join(render(families, ())[Format.TEXT]).decode()
        )
        for sample in family.samples
    }

    assert served == {(f.name, *row[:-1]): float(row[-1]) for f in families for row in f.rows}
    assert len({f.name for f in families}) == len(families)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_the_strict_reading_never_disagrees_with_the_careful_one(text: str) -> None:
    """When a text passes the strict reading, the careful one finds the same."""
    strict = module._read_strictly(text.encode(), ANY)
    if strict is not None:
        careful = line_by_line(text, ANY)
        assert list(map(plain, strict)) == list(map(plain, careful.families))
        assert careful.dropped == {}
