"""Which format a scraper gets."""

from __future__ import annotations

import pytest

from slurm_exporter.exposition import Format, negotiate

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TEXT_1 = "text/plain; version=1.0.0; charset=utf-8"
OM = "application/openmetrics-text; version=1.0.0; charset=utf-8"
OM_0 = "application/openmetrics-text; version=0.0.1; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
    "q=0.6," + PROMETHEUS_3
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/*", TEXT),
        ("text/plain", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("text/plain; version=1.0.0", TEXT_1),
        ("text/plain;version=1.0.0;escaping=underscores", f"{TEXT_1}; escaping=underscores"),
        ("text/plain;version=1.0.0;escaping=nonsense", TEXT_1),
        ("application/openmetrics-text", OM),
        ("application/openmetrics-text;version=1.0.0", OM),
        ("application/openmetrics-text; version=0.0.1", OM_0),
        ("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5", OM_0),
        ("application/openmetrics-text;version=7.0.0,text/plain;q=0.1", TEXT),
        ("text/plain;version=0.0.4;q=0.3,application/openmetrics-text;q=0.9", OM),
        ("application/openmetrics-text;q=0,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=nonsense", TEXT),
        ("application/json", TEXT),
        (";;;,,=,q", TEXT),
        (PROMETHEUS_2, OM),
        (PROMETHEUS_3, f"{OM}; escaping=allow-utf-8"),
        (PROMETHEUS_3_PROTOBUF, f"{OM}; escaping=allow-utf-8"),
    ],
)
def test_the_best_offer_that_we_speak_wins(accept: str, content_type: str) -> None:
    """By q, the first among equals, and text 0.0.4 when there is none."""
    media = negotiate(accept)

    assert media.content_type == content_type
    expected = Format.OPENMETRICS if "openmetrics" in content_type else Format.TEXT
    assert media.format is expected
