"""The endpoint ``jobs-users-accts``: the statistics of jobs, of each user and of each account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.families.statistics import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.records import Job

_USERS = Tally("slurm_user_jobs", "username")
_ACCOUNTS = Tally("slurm_account_jobs", "account")

METRICS = (*_USERS.metrics, *_ACCOUNTS.metrics)


def families(jobs: Sequence[Job]) -> Iterator[Family]:
    """Count the jobs of each user and of each account; those without one have an empty account."""
    yield from _USERS.families(jobs, lambda job: ((job.user,),))
    yield from _ACCOUNTS.families(jobs, lambda job: ((job.account,),))
