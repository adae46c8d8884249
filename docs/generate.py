"""Write docs/metrics.md from the code; ``--check`` only says whether it is fresh."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from slurm_exporter.config import DEFAULT_ENDPOINTS
from slurm_exporter.errors import REASONS
from slurm_exporter.exposition import DROP_REASONS
from slurm_exporter.metrics import (
    HttpMetrics,
    Reload,
    endpoint_families,
    exporter_families,
    slurmctld_families,
)
from slurm_exporter.snapshot import EndpointView, Health, Poll, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

TARGET = Path(__file__).parent / "metrics.md"

HEAD = """\
# Metrics of the exporter itself

Written by `docs/generate.py` from the code. The config's global `labels` are on every one of them, as they are on
Slurm's samples. Slurm's own families (`slurm_jobs...`, `slurm_node...`, and so on) pass through as slurmctld names,
types and describes them.

| name | type | labels | meaning |
|---|---|---|---|
"""

TAIL = """
The pages also hold prometheus_client's `process_*` and `python_*` metrics.

## Reasons

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
    return HEAD + rows + TAIL.format(reasons=reasons, drops=drops)


def _families() -> Iterator[Metric]:
    snapshot = Snapshot(0.0, {}, 0, 0, {})
    health = Health(effective_interval=1.0).after(Poll(1.0, 0.1), snapshot)
    yield from exporter_families(Reload(successful=True, last_success=0.0))
    yield from slurmctld_families({"http://localhost:6817": True}, 0, 0.0)
    yield from endpoint_families([EndpointView(DEFAULT_ENDPOINTS[0], health, snapshot)], 0.0)
    yield from HttpMetrics(["/metrics"]).registry.collect()


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
