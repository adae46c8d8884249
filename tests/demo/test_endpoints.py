"""The demo's answers beside those of a real slurmctld 26.05."""

from __future__ import annotations

import re
from itertools import groupby

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slurm_exporter.demo.cluster import Cluster
from slurm_exporter.demo.endpoints import ENDPOINTS, answer
from slurm_exporter.demo.family import Family, render
from tests.fake_slurmctld import recorded

ROW = re.compile(r'(?P<name>\w+)(?:\{(?P<label>\w+)="[^"]*"\})? [0-9]+\n')


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """A cluster at some moment."""
    return Cluster(7, unix_time=1_795_200_000)


@pytest.fixture(params=ENDPOINTS)
def both(request: pytest.FixtureRequest, cluster: Cluster) -> tuple[list[str], list[str]]:
    """The lines that the demo and the real slurmctld say at one endpoint."""
    demo = answer(request.param, cluster)
    return demo.splitlines(keepends=True), recorded(request.param).decode().splitlines(
        keepends=True
    )


def shape(lines: list[str]) -> list[tuple[str, ...]]:
    """The kinds of lines in order: word, name and type of comments, name and label of rows."""
    kinds = []
    for line in lines:
        if line.startswith("# TYPE"):
            kinds.append(tuple(line.split()))
        elif line.startswith("# HELP"):
            kinds.append(tuple(line.split()[:3]))
        else:
            row = ROW.fullmatch(line)
            assert row, line
            kinds.append((row["name"], row["label"] or ""))
    return [kind for kind, _ in groupby(kinds)]


def helps(lines: list[str]) -> dict[str, str]:
    """The help text of each family."""
    split = [line.split(maxsplit=3) for line in lines if line.startswith("# HELP")]
    return {name: text.strip() for _, _, name, text in split}


def without_bare_accounts(kinds: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The same without the rows of jobs without an account, which come anywhere among others."""
    kept = [k for k in kinds if not (k[0].startswith("slurm_account_") and k[1] == "")]
    return [kind for kind, _ in groupby(kept)]


def test_families_types_labels_and_layout_are_slurmctlds(both: tuple[list[str], list[str]]):
    demo, real = both

    assert without_bare_accounts(shape(demo)) == without_bare_accounts(shape(real))


def test_help_texts_are_our_own_and_tell_families_apart(both: tuple[list[str], list[str]]):
    demo, real = map(helps, both)

    assert demo.keys() == real.keys()
    assert not {name for name in demo if demo[name].lower() == real[name].lower()}
    assert len(set(demo.values())) == len(demo)


def test_help_texts_are_clean_sentences(both: tuple[list[str], list[str]]):
    for text in helps(both[0]).values():
        assert re.fullmatch(r"[A-Z][\w ,;:()'.-]+[\w)]", text), text
        assert "  " not in text


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_prometheus_own_parser_reads_every_row(cluster: Cluster, endpoint: str):
    text = answer(endpoint, cluster)
    rows = [line for line in text.splitlines() if not line.startswith("#")]

    families = list(text_string_to_metric_families(text))

    assert sum(len(family.samples) for family in families) == len(rows)
    assert {family.type for family in families} == {"gauge"}


def test_no_statistic_of_the_scheduler_is_kept_in_vain(cluster: Cluster):
    (section,) = ENDPOINTS["scheduler"]
    ((_, counts),) = section.rows(cluster)

    assert set(counts) <= {family.key for family in section.families}


def test_a_row_without_a_name_has_no_label():
    families = [Family("slurm_x", "Things", "things")]

    text = "".join(render(families, "account", [("a", {"things": 3}), ("", {})]))

    assert text == (
        '# HELP slurm_x Things\n# TYPE slurm_x gauge\nslurm_x{account="a"} 3\nslurm_x 0\n'
    )
