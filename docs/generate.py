"""Write docs/metrics.md from the code; ``--check`` only says whether it is fresh."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from slurm_exporter.config import DEFAULT_ENDPOINTS, MORE_ENDPOINTS
from slurm_exporter.errors import REASONS
from slurm_exporter.exposition import DROP_REASONS, parse
from slurm_exporter.metrics import (
    HttpMetrics,
    Reload,
    endpoint_families,
    exporter_families,
    slurmctld_families,
)
from slurm_exporter.snapshot import EndpointView, Health, Poll, Snapshot
from slurm_exporter.sources.cli.catalogue import CATALOGUE
from slurm_exporter.sources.native import ADMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

    from slurm_exporter.config import Endpoint
    from slurm_exporter.sources.cli.metric import Metric as CliMetric

NATIVE = "26.05.5"
RECORDED = Path(__file__).parent.parent / "fixtures" / "openmetrics" / NATIVE
KNOWN_ENDPOINTS = (*DEFAULT_ENDPOINTS, *MORE_ENDPOINTS)
TARGET = Path(__file__).parent / "metrics.md"

HEAD = """\
# Metrics

Written by `docs/generate.py` from the code. The config's global `labels` are on all of them, except `process_*` and
`python_*`.

## The exporter itself

| name | type | labels | meaning |
|---|---|---|---|
"""

REASONS_HEAD = """
The pages also hold prometheus_client's `process_*` and `python_*` metrics.

`slurm_exporter_poll_failures_total` has one of these as its `reason`; each starts at 0:

{reasons}

`slurm_exporter_samples_dropped_total` has one of these:

{drops}
"""

REASON_WORDS = {
    "timeout": "no complete answer before the deadline",
    "connect": "no connection, or it broke before the answer was complete",
    "auth": "slurmctld answered 401 or 403, or there is no token to show it",
    "http_status": "slurmctld answered with another unexpected status",
    "standby": "a standby controller answered, and points to a host that the config does not name",
    "too_large": "the answer is larger than `slurm.body_size_limit`",
    "empty": "an answer without content; usually `MetricsType` is not set in slurm.conf",
    "parse": "the answer is not metrics, or another endpoint's",
    "command": "a Slurm command failed",
    "internal": "a bug of the exporter; the log has its traceback",
}

SLURM_HEAD = """
## Slurm, endpoint by endpoint

Five endpoints are slurmctld's own. It answers for them from 25.11 on (`source: openmetrics`), and what it says passes
through under its names, with its types and help texts. For older releases Slurm's commands are asked (`source: cli`),
which give the same families as far as they know them. The other endpoints only exist through commands and are off until the
config lists them.

`source` says who has a family: slurmctld itself (native, as of Slurm {native}), the commands, or both. What a source does
not know is absent, never 0. squeue shows one word for a job's state: while it says COMPLETING, nobody sees how the job has
ended, so such a job is in `..._completing` and `..._finished` and in none of the states that jobs end in. The waiting tasks
of an array share a row from 24.11 on, at the latest: those with a reason of their own, since they were requeued, or held
or released by themselves, count as what the rest of their array waits for.
"""

UNITS = {"bytes": "bytes", "seconds": "seconds", "timestamp_seconds": "unix time"}

DROP_WORDS = {
    "malformed": "the row cannot be read",
    "foreign": "the row belongs to no family of the endpoint, or has another label",
    "duplicate": "the series was there before",
    "forged": "a line break in somebody's account name made the row",
}


def page() -> str:
    """Return what the file must hold."""
    rows = "".join(_row(family) for family in _families())
    reasons = "\n".join(f"* `{reason}`: {REASON_WORDS[reason]}" for reason in REASONS)
    drops = "\n".join(f"* `{reason}`: {DROP_WORDS[reason]}" for reason in DROP_REASONS)
    own = HEAD + rows + REASONS_HEAD.format(reasons=reasons, drops=drops)
    return own + SLURM_HEAD.format(native=NATIVE) + "".join(map(_endpoint, KNOWN_ENDPOINTS))


def _families() -> Iterator[Metric]:
    snapshot = Snapshot(0.0, {}, 0, 0, {})
    health = Health(effective_interval=1.0).after(Poll(1.0, 0.1), snapshot)
    yield from exporter_families(Reload(successful=True, last_success=0.0), web_failures=0)
    yield from slurmctld_families({"http://localhost:6817": True}, 0, 0.0)
    yield from endpoint_families([EndpointView(DEFAULT_ENDPOINTS[0], health, snapshot)], 0.0)
    yield from HttpMetrics(["/metrics"]).registry.collect()


def _endpoint(endpoint: Endpoint) -> str:
    """Return the section of one endpoint: what is asked for it, and every family it can have."""
    question = CATALOGUE.get(endpoint.name)
    if question is None:
        return ""
    commands = ", ".join(f"`{command}`" for command in question.commands)
    native = _native(endpoint)
    told = {metric.name: metric for metric in question.metrics}
    known = {name: _told(metric) for name, metric in told.items()}
    families = {**{name: known.get(name, row) for name, row in native.items()}, **known}
    rows = "".join(
        f"| `{name}` | {_mark(name, native, told)} | {row} |\n" for name, row in families.items()
    )
    asked = f"`GET {endpoint.path}`, or {commands}" if endpoint.path else commands
    return (
        f"\n### {endpoint.name}\n\n"
        f"Asks {asked}. Samples of each family: {question.cardinality}.\n\n"
        f"| name | source | type | unit | labels | meaning |\n|---|---|---|---|---|---|\n{rows}"
    )


def _mark(name: str, native: Mapping[str, str], told: Mapping[str, object]) -> str:
    if name in native and name in told:
        return "both"
    return "native" if name in native else "commands"


def _told(metric: CliMetric) -> str:
    return _cells(metric.type, _unit(metric), metric.labels, metric.help)


def _unit(metric: CliMetric) -> str:
    name = metric.name.removesuffix("_total")
    ends = (word for end, word in sorted(UNITS.items()) if name.endswith(f"_{end}"))
    return metric.unit or max(ends, key=len, default="")


def _native(endpoint: Endpoint) -> dict[str, str]:
    """Return what slurmctld says of its own families: cells by name."""
    file = RECORDED / f"{endpoint.name}.txt"
    if not file.exists():
        return {}
    parsed = parse(file.read_bytes(), ADMISSIONS[endpoint.name])
    return {f.name: _cells(f.type, "", f.labels, f"{f.help}.") for f in parsed.families}


def _cells(kind: str, unit: str, labels: Iterable[str], words: str) -> str:
    return f"{kind} | {unit} | {', '.join(f'`{label}`' for label in labels)} | {words}"


def _row(family: Metric) -> str:
    name = family.name + ("_total" if family.type == "counter" else "")
    labels = {label for sample in family.samples for label in sample.labels} - {"le"}
    order = (
        "endpoint",
        "handler",
        "phase",
        "reason",
        "code",
        "url",
        "version",
        "revision",
        "python_version",
    )
    shown = ", ".join(f"`{label}`" for label in order if label in labels)
    return f"| `{name}` | {family.type} | {shown} | {family.documentation} |\n"


def main() -> int:
    """Write the file, or check it."""
    if "--check" not in sys.argv:
        TARGET.write_text(page())
    elif TARGET.read_text() != page():
        print(f"{TARGET} is not fresh; run docs/generate.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
