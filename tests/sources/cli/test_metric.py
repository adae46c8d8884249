"""Families before they have samples."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slurm_exporter.exposition import Family, Format, render
from slurm_exporter.sources.cli.metric import Metric, written

NODES = Metric("slurm_nodes", "Nodes.", ("state",))


def test_a_family_is_made_of_pairs_or_of_a_mapping() -> None:
    family = Family("slurm_nodes", "gauge", "Nodes.", ("state",), [("idle", "3"), ("down", "1")])
    assert NODES.family({("idle",): 3, ("down",): 1}) == family
    assert NODES.family([(("idle",), 3), (("down",), 1)]) == family


def test_a_family_may_have_a_single_sample() -> None:
    metric = Metric("slurm_rpcs_total", "Requests.", type="counter")
    assert metric.single(7) == Family("slurm_rpcs_total", "counter", "Requests.", (), [("7",)])


@pytest.mark.parametrize(
    "number", [0, 7, -3, 10**24, 0.1, 1e-9, 1e300, 1795240988.125, math.inf, -math.inf]
)
def test_no_digit_is_lost_on_the_way_to_the_page(number: float) -> None:
    """Prometheus' own reader gets the same number back."""
    text = b"".join(render((Metric("x", "X.").single(number),), ())[Format.TEXT])
    (family,) = text_string_to_metric_families(text.decode())
    assert [sample.value for sample in family.samples] == [number]
    assert type(number)(written(number)) == number


def test_what_is_no_number_is_written_as_such() -> None:
    """As a mean of nothing is."""
    assert math.isnan(float(written(math.nan)))
