"""The endpoint ``limits``: limits of accounts, users and QoS, beside what is used of them.

A limit that is not set has no series, and neither has its use.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels, Number
    from slurm_exporter.sources.cli.records import LimitOwner, Settings

_RESOURCES = "memory in bytes, others in numbers"

_MEMBERS = {
    "jobs": "jobs that run",
    "accruing_jobs": "jobs that wait and gain age priority",
    "submitted_jobs": "jobs that run or wait",
    "tres": f"resources of running jobs ({_RESOURCES})",
    "running_tres_seconds": (
        f"resources times seconds that running jobs have still before them ({_RESOURCES})"
    ),
}
_GROUPS = {
    **_MEMBERS,
    "wall_seconds": "seconds of jobs, which become fewer with age",
    "tres_seconds": (
        f"resources times seconds of jobs, which become fewer with age ({_RESOURCES})"
    ),
}
_USERS = {
    "user_jobs": "jobs that run, of one user",
    "user_accruing_jobs": "jobs that wait and gain age priority, of one user",
    "user_submitted_jobs": "jobs that run or wait, of one user",
}
_SCOPES = (
    ("association", "an account and all below it", ("account", "username", "partition"), _GROUPS),
    ("association", "an association", ("account", "username", "partition"), _USERS),
    ("qos", "a QoS", ("qos",), _GROUPS),
    ("qos_account", "each account in a QoS", ("qos", "account"), _MEMBERS),
    ("qos_user", "each user of a QoS", ("qos", "username"), _MEMBERS),
)
"""Who has limits, as a word and in words, with which labels, and on what."""


def _metrics(end: str, text: str) -> dict[tuple[str, str], Metric]:
    return {
        (scope, kind): Metric(
            f"slurm_{scope}_{kind}_{end}",
            f"{text} for {owner}: {what}.",
            (*labels, "tres") if "tres" in kind else labels,
        )
        for scope, owner, labels, kinds in _SCOPES
        for kind, what in kinds.items()
    }


_LIMITS = _metrics("limit", "Limit")
_USAGES = _metrics("usage", "Use of a limit that Slurm enforces,")

METRICS = (*_LIMITS.values(), *_USAGES.values())

_Samples = dict[tuple[str, str], dict["Labels", "Number"]]


def families(owners: Iterable[LimitOwner], settings: Iterable[Settings]) -> Iterator[Family]:
    """Tell the limits that are set, and their use where Slurm enforces them and so counts it."""
    limits: _Samples = defaultdict(dict)
    usages: _Samples = defaultdict(dict)
    for owner in owners:
        for limit in owner.limits:
            labels = (*owner.name, limit.tres) if limit.tres else owner.name
            limits[owner.scope, limit.kind][labels] = limit.limit
            usages[owner.scope, limit.kind][labels] = limit.used
    yield from (metric.family(limits[key]) for key, metric in _LIMITS.items() if key in limits)
    if any("limits" in one.enforced for one in settings):
        yield from (metric.family(usages[key]) for key, metric in _USAGES.items() if key in usages)
