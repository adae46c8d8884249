"""Every ``slurm_exporter_*`` metric: its name, its help text and where its number comes from."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.utils import floatToGoString

from slurm_exporter import __version__
from slurm_exporter.snapshot import DURATION_BUCKETS, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client import Metric

    from slurm_exporter.snapshot import EndpointView

PREFIX = "slurm_exporter_"

# A creation time per series doubles the page and says nothing that a restart does not show.
disable_created_metrics()  # type: ignore[no-untyped-call]

_GAUGES: dict[str, tuple[str, Callable[[EndpointView, float], float | None]]] = {
    "endpoint_up": (
        "Whether the last poll of the endpoint succeeded (1) or not (0).",
        lambda view, _: view.health.up,
    ),
    "endpoint_stale": (
        "Whether the endpoint's samples are older than they should be, or missing (1).",
        lambda view, now: view.state(now) is not State.UP,
    ),
    "endpoint_age_seconds": (
        "Seconds since the poll that the endpoint's samples come from; absent before the first.",
        lambda view, now: view.age(now),
    ),
    "endpoint_last_success_timestamp_seconds": (
        "Unix time of the last successful poll; 0 means never.",
        lambda view, _: view.health.last_success,
    ),
    "endpoint_last_poll_timestamp_seconds": (
        "Unix time of the last poll, successful or not; 0 means never.",
        lambda view, _: view.health.last_poll,
    ),
    "endpoint_interval_seconds": (
        "Configured seconds between two polls.",
        lambda view, _: view.interval,
    ),
    "endpoint_effective_interval_seconds": (
        "Seconds between two polls now; longer than configured when polls take too long.",
        lambda view, _: view.health.effective_interval,
    ),
    "endpoint_max_age_seconds": (
        "Age at which the endpoint's samples expire.",
        lambda view, _: view.max_age,
    ),
    "endpoint_samples": (
        "Samples of the endpoint that are served now.",
        lambda view, now: served.samples if (served := view.served(now)) else 0,
    ),
    "endpoint_body_bytes": (
        "Size of the last successful answer.",
        lambda view, _: view.snapshot.body_bytes if view.snapshot else 0,
    ),
}


def endpoint_families(view: Sequence[EndpointView], now: float) -> Iterator[Metric]:
    """Say how the endpoints are, all at one moment.

    Args:
        view: the endpoints.
        now: the moment, on the monotonic clock.
    """
    for name, (documentation, number) in _GAUGES.items():
        gauge = GaugeMetricFamily(PREFIX + name, documentation, labels=["endpoint"])
        for endpoint in view:
            value = number(endpoint, now)
            if value is not None:
                gauge.add_metric([endpoint.endpoint.name], float(value))
        yield gauge
    yield _durations(view)
    yield _phases(view)
    yield _counter(
        "polls", "Polls of the endpoint, successful or not.", view, lambda v: v.health.polls
    )
    yield _counter(
        "polls_skipped",
        "Polls that were due while an earlier one was still under way.",
        view,
        lambda v: v.health.skipped,
    )
    yield _by_reason("poll_failures", "Polls that failed.", view, lambda v: v.health.failures)
    yield _by_reason(
        "samples_dropped",
        "Rows of Slurm's answers that were not served.",
        view,
        lambda v: v.health.dropped,
    )


def _counter(
    name: str,
    documentation: str,
    view: Iterable[EndpointView],
    number: Callable[[EndpointView], int],
) -> Metric:
    counter = CounterMetricFamily(PREFIX + name, documentation, labels=["endpoint"])
    for endpoint in view:
        counter.add_metric([endpoint.endpoint.name], number(endpoint))
    return counter


def _by_reason(
    name: str,
    documentation: str,
    view: Iterable[EndpointView],
    numbers: Callable[[EndpointView], Mapping[str, int]],
) -> Metric:
    counter = CounterMetricFamily(PREFIX + name, documentation, labels=["endpoint", "reason"])
    for endpoint in view:
        for reason, number in numbers(endpoint).items():
            counter.add_metric([endpoint.endpoint.name, reason], number)
    return counter


def _durations(view: Iterable[EndpointView]) -> Metric:
    histogram = HistogramMetricFamily(
        PREFIX + "poll_duration_seconds", "How long polls took.", labels=["endpoint"]
    )
    bounds = [*map(floatToGoString, DURATION_BUCKETS), "+Inf"]
    for endpoint in view:
        counts = accumulate(endpoint.health.durations)
        histogram.add_metric(
            [endpoint.endpoint.name],
            list(zip(bounds, counts, strict=True)),
            endpoint.health.duration_sum,
        )
    return histogram


def _phases(view: Iterable[EndpointView]) -> Metric:
    """Say where the time of polls goes; sums can be compared, where buckets would only be many."""
    summary = SummaryMetricFamily(
        PREFIX + "poll_phase_seconds",
        "How long the completed phases of polls took; an answer that is known is only fetched.",
        labels=["endpoint", "phase"],
    )
    for endpoint in view:
        for phase, count in endpoint.health.phase_counts.items():
            seconds = endpoint.health.phase_sums[phase]
            summary.add_metric([endpoint.endpoint.name, phase], count, seconds)
    return summary


@dataclass(frozen=True, slots=True)
class Reload:
    """What became of the config when it was last to be loaded.

    Attributes:
        successful: whether the last attempt to load the config worked.
        last_success: unix time of the last one that did.
    """

    successful: bool
    last_success: float


def exporter_families(reload: Reload, web_failures: int) -> Iterator[Metric]:
    """Say what is running and whether its config was loaded.

    Args:
        reload: the last attempt.
        web_failures: how often changed files of users or certificates could not be used.
    """
    build = GaugeMetricFamily(
        PREFIX + "build_info",
        "What is running: always 1.",
        labels=["version", "revision", "python_version"],
    )
    build.add_metric([__version__, _revision(), platform.python_version()], 1)
    yield build
    yield GaugeMetricFamily(
        PREFIX + "config_last_reload_successful",
        "Whether the last attempt to load the config worked (1) or not (0).",
        value=float(reload.successful),
    )
    yield GaugeMetricFamily(
        PREFIX + "config_last_reload_success_timestamp_seconds",
        "Unix time at which the config was last loaded.",
        value=reload.last_success,
    )
    yield CounterMetricFamily(
        PREFIX + "web_file_failures",
        "Times that changed files of users or certificates could not be used.",
        value=float(web_failures),
    )


def slurmctld_families(
    active: Mapping[str, bool], failovers: int, token_expiry: float | None
) -> Iterator[Metric]:
    """Say which controller answers, and how long it will let us in.

    Args:
        active: for the URL of each controller, whether it is the one.
        failovers: how often that changed.
        token_expiry: when the token expires (unix s); None when there is none or it does not say.
    """
    gauge = GaugeMetricFamily(
        PREFIX + "controller_active",
        "Whether the last poll had its answer from this controller (1); 0 for all when none has.",
        labels=["url"],
    )
    for url, answers in active.items():
        gauge.add_metric([url], float(answers))
    yield gauge
    yield CounterMetricFamily(
        PREFIX + "controller_failovers",
        "How often another controller answered than before, returns to the first included.",
        value=failovers,
    )
    yield GaugeMetricFamily(
        PREFIX + "token_expiry_timestamp_seconds",
        "Unix time at which the token for slurmctld expires; absent when it says none.",
        value=token_expiry,
    )


@cache
def _revision() -> str:
    """Return the commit that pip installed from; ``unknown`` for a release or a checkout."""
    try:
        origin = distribution("slurm_exporter").read_text("direct_url.json")
    except PackageNotFoundError:
        return "unknown"
    return str(json.loads(origin or "{}").get("vcs_info", {}).get("commit_id", "unknown"))


class HttpMetrics:
    """Counts the requests that we answer.  Safe from any thread."""

    def __init__(self, handlers: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            PREFIX + "http_requests",
            "Requests answered, by handler and status code.",
            ["handler", "code"],
            registry=self.registry,
        )
        self._durations = Histogram(
            PREFIX + "http_request_duration_seconds",
            "How long it took to answer a request.",
            ["handler"],
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
            registry=self.registry,
        )
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        for handler in handlers:
            self._child(handler, 200)

    def answered(self, handler: str, code: int, seconds: float) -> None:
        """Count one request."""
        requests, durations = self._children.get((handler, code)) or self._child(handler, code)
        requests.inc()
        durations.observe(seconds)

    def _child(self, handler: str, code: int) -> tuple[Counter, Histogram]:
        child = self._requests.labels(handler, str(code)), self._durations.labels(handler)
        self._children[handler, code] = child
        return child


def runtime_registry() -> CollectorRegistry:
    """Return what prometheus_client knows of the process and the interpreter."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
