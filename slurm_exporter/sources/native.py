"""What slurmctld's own endpoints may bring: each its own families, with its own label.

Checked against the families of Slurm 25.11 and 26.05.  The scheduler's have no common prefix,
so its rule is everything that is nobody else's.
"""

from __future__ import annotations

import re

from slurm_exporter.exposition import Admission, Rule

# What endpoints of ours are called that slurmctld does not have.  If a later Slurm has families of
# these names, they are foreign: a page with a family twice is no page.
_OURS = (
    r"slurm_(?:association|controller|gpus|history|licenses|qos|queue|reservation)(?:_|$)"
    r"|slurm_(?:account|user)_(?:fairshare|gpus)(?:_|$)"
    r"|slurm_node_(?:state|flag|drain)(?:_|$)"
    r"|slurm_partition_gpus_"
)


def _families(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?!{_OURS}){pattern}", re.ASCII)


ADMISSIONS = {
    "jobs": Admission((Rule(_families(r"slurm_jobs(?:_\w+)?")),)),
    "nodes": Admission(
        (
            Rule(_families(r"slurm_node_\w+"), "node"),
            Rule(_families(r"slurm_nodes(?:_\w+)?")),
        )
    ),
    "partitions": Admission(
        (
            Rule(_families(r"slurm_partition_\w+"), "partition"),
            Rule(_families(r"slurm_partitions(?:_\w+)?")),
        )
    ),
    "jobs-users-accts": Admission(
        (
            Rule(_families(r"slurm_user_\w+"), "username"),
            Rule(_families(r"slurm_account_\w+"), "account"),
        ),
        chosen_by_users=True,
    ),
    "scheduler": Admission(
        (
            Rule(
                _families(
                    r"slurm_(?!(?:jobs|nodes?|partitions?|users?|accounts?|exporter)(?:_|$))\w+"
                )
            ),
        )
    ),
}
"""Endpoint name to the rows it may bring."""

MAY_BE_EMPTY = frozenset({"jobs-users-accts"})
"""Endpoints for which an empty answer means that there is nothing to count."""
