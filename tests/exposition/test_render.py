"""Families to bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from slurm_exporter.exposition import Family, Format, render

JOBS = Family("slurm_jobs", "gauge", "All jobs", (), [("7",)])
NODES = Family("slurm_node_cpus", "gauge", "Cores", ("node",), [("a", "8"), ("b", "16")])


def text(*families: Family, labels: tuple[tuple[str, str], ...] = ()) -> str:
    return b"".join(render(families, labels)[Format.TEXT]).decode()


def openmetrics(*families: Family, labels: tuple[tuple[str, str], ...] = ()) -> str:
    return b"".join(render(families, labels)[Format.OPENMETRICS]).decode()


def test_a_family_has_one_help_one_type_and_its_samples() -> None:
    """The text that every Prometheus reads."""
    assert text(JOBS, NODES) == (
        "# HELP slurm_jobs All jobs\n"
        "# TYPE slurm_jobs gauge\n"
        "slurm_jobs 7\n"
        "# HELP slurm_node_cpus Cores\n"
        "# TYPE slurm_node_cpus gauge\n"
        'slurm_node_cpus{node="a"} 8\n'
        'slurm_node_cpus{node="b"} 16\n'
    )


def test_global_labels_are_on_every_sample_escaped() -> None:
    """Percent signs, quotes, backslashes and newlines in their values are no trouble."""
    labels = (("cluster", 'c"1\\'), ("site", "100 %s\n"))

    rendered = text(JOBS, NODES, labels=labels)

    extra = r'cluster="c\"1\\",site="100 %s\n"'
    assert f"slurm_jobs{{{extra}}} 7\n" in rendered
    assert f'slurm_node_cpus{{node="a",{extra}}} 8\n' in rendered


def test_label_values_are_escaped_by_us() -> None:
    """What Slurm sends raw, Prometheus gets escaped."""
    family = Family("slurm_user_jobs", "gauge", "x", ("username",), [('we"ird\\\n', "1")])

    assert r'slurm_user_jobs{username="we\"ird\\\n"} 1' in text(family)


def test_help_is_escaped_as_each_format_wants_it() -> None:
    """OpenMetrics escapes quotes in a help text, the older format must not."""
    family = Family("slurm_jobs", "gauge", 'a "b" \\ c\nd', (), [("1",)])

    assert text(family).startswith('# HELP slurm_jobs a "b" \\\\ c\\nd\n')
    assert openmetrics(family).startswith('# HELP slurm_jobs a \\"b\\" \\\\ c\\nd\n')


@pytest.mark.parametrize(
    ("kind", "name", "in_text", "in_openmetrics"),
    [
        ("gauge", "slurm_jobs", "slurm_jobs gauge", "slurm_jobs gauge"),
        ("unknown", "slurm_jobs", "slurm_jobs untyped", "slurm_jobs unknown"),
        ("counter", "slurm_x_total", "slurm_x_total counter", "slurm_x counter"),
        ("counter", "slurm_x", "slurm_x counter", "slurm_x unknown"),
    ],
)
def test_types_have_the_words_of_their_format(
    kind: str, name: str, in_text: str, in_openmetrics: str
) -> None:
    """A counter without ``_total`` keeps its name; OpenMetrics then cannot call it a counter."""
    family = Family(name, kind, "x", (), [("1",)])

    assert f"# TYPE {in_text}\n{name} 1\n" in text(family)
    assert f"# TYPE {in_openmetrics}\n{name} 1\n" in openmetrics(family)
    list(read_openmetrics(openmetrics(family) + "# EOF\n"))


def test_several_labels_stand_in_their_order() -> None:
    """A row may have any number of labels."""
    family = Family("slurm_x", "gauge", "x", ("a", "b"), [("1", "2", "3")])

    assert 'slurm_x{a="1",b="2"} 3\n' in text(family)


def test_no_families_are_no_bytes() -> None:
    """An endpoint without samples adds nothing to the page."""
    assert text() == ""


VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@given(
    rows=st.dictionaries(VALUES, st.integers(0, 2**53).map(str), max_size=6),
    cluster=VALUES,
    words=VALUES,
)
def test_both_formats_are_read_back_as_what_they_were_made_of(
    rows: dict[str, str], cluster: str, words: str
) -> None:
    """The reference parsers find the names, labels and numbers that went in, strictly."""
    family = Family("slurm_user_jobs", "gauge", words, ("username",), list(rows.items()))
    expected = {(value, cluster): float(number) for value, number in rows.items()}

    for page, read in (
        (text(family, labels=(("cluster", cluster),)), read_text),
        (openmetrics(family, labels=(("cluster", cluster),)) + "# EOF\n", read_openmetrics),
    ):
        (metric,) = read(page)
        found = {
            (sample.labels["username"], sample.labels["cluster"]): sample.value
            for sample in metric.samples
        }
        assert found == expected


WAITS = Family(
    "slurm_wait_seconds",
    "histogram",
    "Waits",
    (),
    (),
    more=(
        Family("slurm_wait_seconds", "histogram", "", ("le",), [("+Inf", "2")], "_bucket"),
        Family("slurm_wait_seconds", "histogram", "", (), [("7",)], "_sum"),
        Family("slurm_wait_seconds", "histogram", "", (), [("2",)], "_count"),
    ),
)


def test_samples_with_suffixes_stand_below_one_header() -> None:
    """A histogram is one family, though its samples have several names."""
    assert text(WAITS, labels=(("cluster", "c"),)) == (
        "# HELP slurm_wait_seconds Waits\n"
        "# TYPE slurm_wait_seconds histogram\n"
        'slurm_wait_seconds_bucket{le="+Inf",cluster="c"} 2\n'
        'slurm_wait_seconds_sum{cluster="c"} 7\n'
        'slurm_wait_seconds_count{cluster="c"} 2\n'
    )
    assert WAITS.samples == 3
