"""Which endpoint needs which commands, and what it promises to make of them."""

from __future__ import annotations

from collections import Counter

import pytest

from slurm_exporter.config import DEFAULT_ENDPOINTS, LABELS_IN_USE, MORE_ENDPOINTS, MORE_LABELS
from slurm_exporter.sources.cli.catalogue import CATALOGUE
from slurm_exporter.sources.native import ADMISSIONS
from tests.sources.cli.recordings import BY_HAND, RELEASES, recorded, records


def test_every_endpoint_that_slurmctld_does_not_have_is_in_it() -> None:
    """And nothing that cannot be configured."""
    more = {endpoint.name for endpoint in MORE_ENDPOINTS}
    native = {endpoint.name for endpoint in DEFAULT_ENDPOINTS}
    assert more <= CATALOGUE.keys() <= more | native
    assert {endpoint.path for endpoint in MORE_ENDPOINTS} <= {""}


def test_no_family_is_made_by_two_endpoints() -> None:
    """It would be on the page once, and nobody could say whose it is."""
    made = Counter(metric.name for question in CATALOGUE.values() for metric in question.metrics)
    assert [family for family, times in made.items() if times > 1] == []


def test_slurmctld_cannot_bring_families_of_endpoints_that_it_does_not_have() -> None:
    """If a later one has them too, each must still be on the page once."""
    more = [metric.name for one in MORE_ENDPOINTS for metric in CATALOGUE[one.name].metrics]
    admitted = [
        name for name in more for one in ADMISSIONS.values() if one.labels(name) is not None
    ]
    assert admitted == []


@pytest.mark.parametrize("endpoint", CATALOGUE)
def test_metrics_are_described_as_the_field_does(endpoint: str) -> None:
    """Help is a sentence, counters end in _total, and no label may be the config's as well."""
    question = CATALOGUE[endpoint]
    for metric in question.metrics:
        assert metric.help.endswith("."), metric.name
        assert metric.type in {"gauge", "counter", "histogram"}, metric.name
        assert metric.type != "counter" or metric.name.endswith("_total"), metric.name
        known = {*LABELS_IN_USE, *MORE_LABELS.get(endpoint, ())}
        assert set(metric.labels) <= known, metric.name
    assert question.cardinality


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("endpoint", [name for name in CATALOGUE if name != "history"])
def test_an_endpoint_makes_what_it_promises(endpoint: str, release: str) -> None:
    """No family that is not in the docs, of no other type and with no other labels."""
    question = CATALOGUE[endpoint]
    cluster = BY_HAND if endpoint == "limits" else "busy"  # where some are set
    known = [records(one, recorded(one, release, cluster)) for one in question.commands]
    promised = {metric.name: metric for metric in question.metrics}

    memory = () if question.memory is None else (question.memory(),)

    made = list(question.families(*memory, *known))
    assert made
    assert len({family.name for family in made}) == len(made)
    for family in made:
        metric = promised[family.name]
        assert (family.type, family.help) == (metric.type, metric.help)
        for piece in family.more or (family,):
            labels = tuple(label for label in piece.labels if label != "le")
            assert labels == metric.labels
            assert len({row[:-1] for row in piece.rows}) == len(piece.rows)
