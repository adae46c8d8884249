"""The endpoint ``fairshare``: why jobs of some have a better priority than jobs of others."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels, Number
    from slurm_exporter.sources.cli.records import Share

_NUMBERS = (
    ("", "Fairshare factor of priorities (0 to 1).", attrgetter("fairshare")),
    ("_raw_shares", "Shares as they were given.", attrgetter("shares")),
    ("_norm_shares", "Shares as a part of all (0 to 1).", attrgetter("norm_shares")),
    (
        "_raw_usage_cpu_seconds",
        "Seconds of CPUs that were used, weighted as the cluster bills them; old ones count less.",
        attrgetter("usage"),
    ),
    ("_norm_usage", "Usage as a part of all (0 to 1).", attrgetter("norm_usage")),
    (
        "_effective_usage",
        "Usage as a part of the usage that it is compared with (0 to 1).",
        attrgetter("effective_usage"),
    ),
    (
        "_level",
        "Shares divided by usage, compared with its like: below 1 had more than its share.",
        attrgetter("level"),
    ),
)
"""The end of a name, what it means, and where the number is."""

_USER_LABELS = ("account", "username", "partition")

_ACCOUNTS = tuple(
    (Metric(f"slurm_account_fairshare{suffix}", f"Of an account: {text}", ("account",)), number)
    for suffix, text, number in _NUMBERS
)
_USERS = tuple(
    (Metric(f"slurm_user_fairshare{suffix}", f"Of a user: {text}", _USER_LABELS), number)
    for suffix, text, number in _NUMBERS
)

METRICS = tuple(metric for metric, _ in (*_ACCOUNTS, *_USERS))


def families(shares: Iterable[Share]) -> Iterator[Family]:
    """Tell of accounts, and of their users; numbers that an association lacks are absent."""
    accounts: dict[Labels, Share] = {}
    users: dict[Labels, Share] = {}
    for share in shares:
        if share.user:
            users[share.account, share.user, share.partition] = share
        else:
            accounts[share.account,] = share
    for metric, number in _ACCOUNTS:
        yield metric.family(_numbers(accounts, number))
    for metric, number in _USERS:
        yield metric.family(_numbers(users, number))


def _numbers(shares: dict[Labels, Share], number: attrgetter[float | None]) -> dict[Labels, Number]:
    found = {labels: number(share) for labels, share in shares.items()}
    return {labels: value for labels, value in found.items() if value is not None}
