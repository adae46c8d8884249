from __future__ import annotations

import dataclasses

import pytest

from slurm_exporter.config import (
    DEFAULT_ENDPOINTS,
    LABELS_IN_USE,
    ON_EXPIRY,
    SOURCES,
    BasicAuth,
    Config,
    Endpoint,
)


def test_without_any_file_the_five_native_endpoints_are_polled():
    """At the intervals that the design promises."""
    assert {endpoint.name: endpoint.interval for endpoint in Config().enabled_endpoints} == {
        "jobs": 30,
        "nodes": 60,
        "partitions": 60,
        "jobs-users-accts": 120,
        "scheduler": 30,
    }


def test_the_defaults_obey_the_rules_of_the_file():
    """Nobody could write them down otherwise."""
    for endpoint in DEFAULT_ENDPOINTS:
        assert endpoint.source in SOURCES
        assert endpoint.on_expiry in ON_EXPIRY
        assert endpoint.timeout <= endpoint.interval


def test_a_disabled_endpoint_is_not_polled():
    """It stays in the config all the same."""
    off = Endpoint("jobs", "/metrics/jobs", enabled=False)
    on = Endpoint("nodes", "/metrics/nodes")
    assert Config(endpoints=(off, on)).enabled_endpoints == (on,)


def test_a_config_cannot_be_changed():
    """It is shared by all threads."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().labels = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        LABELS_IN_USE["x"] = "y"  # type: ignore[index]


def test_a_config_hides_its_passwords():
    """A traceback or a debug line may hold its repr."""
    config = Config(
        server=dataclasses.replace(Config().server, basic_auth=BasicAuth((("a", "pw"),)))
    )
    assert "pw" not in repr(config)
