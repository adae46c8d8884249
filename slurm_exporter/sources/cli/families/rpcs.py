"""The endpoint ``rpcs``: who asks slurmctld for what, how often, and how long the answers take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric, sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels, Number
    from slurm_exporter.sources.cli.records import Diagnostics, Rpcs

_RESET = "since slurmctld started or its statistics were reset"

_CALLS = Metric(
    "slurm_controller_rpc_calls_total",
    f"Requests that slurmctld has answered {_RESET}, by type.",
    ("message_type",),
    "counter",
)
_SECONDS = Metric(
    "slurm_controller_rpc_duration_seconds_total",
    f"Seconds that slurmctld took to answer requests {_RESET}, by type.",
    ("message_type",),
    "counter",
)
_USER_CALLS = Metric(
    "slurm_controller_rpc_user_calls_total",
    f"Requests that slurmctld has answered {_RESET}, by user.",
    ("username",),
    "counter",
)
_USER_SECONDS = Metric(
    "slurm_controller_rpc_user_duration_seconds_total",
    f"Seconds that slurmctld took to answer requests {_RESET}, by user.",
    ("username",),
    "counter",
)
_PENDING = Metric(
    "slurm_controller_rpcs_pending",
    "Requests that wait for slurmctld, by type; types of which none waits are absent.",
    ("message_type",),
)

METRICS = (_CALLS, _SECONDS, _USER_CALLS, _USER_SECONDS, _PENDING)


def families(diagnostics: Iterable[Diagnostics]) -> Iterator[Family]:
    """Tell how many requests there were; users without a name are told of together."""
    for one in diagnostics:
        yield _CALLS.family(_calls(one.by_type))
        yield _SECONDS.family(_seconds(one.by_type))
        yield _USER_CALLS.family(_calls(one.by_user))
        yield _USER_SECONDS.family(_seconds(one.by_user))
        yield _PENDING.family(_calls(one.pending))


def _calls(rpcs: Iterable[Rpcs]) -> dict[Labels, Number]:
    return sums(((one.name,), one.calls) for one in rpcs)


def _seconds(rpcs: Iterable[Rpcs]) -> dict[Labels, Number]:
    return sums(((one.name,), one.seconds) for one in rpcs)
