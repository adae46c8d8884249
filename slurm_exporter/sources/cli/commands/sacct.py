"""Runs of jobs that ended within some time: ``sacct``, which asks slurmdbd and not slurmctld.

What Slurm does, 22.05 to 26.05: with final states in ``--state`` it gives the records whose end
lies between ``--starttime`` and ``--endtime``, both included, whenever they began and also when
they never did.  Without ``--state`` the times mean something else, and jobs that were never
eligible are missing.  ``uts`` and a number is unix time, which no change of clocks makes ambiguous.

``--duplicates`` gives a record for each run of a job.  One that a user requeued ended as REQUEUED,
which is not asked for, since the job goes on; one that Slurm requeued after its node failed or
after it was preempted ended as NODE_FAIL or PREEMPTED.  A word that sacct does not know would make
it fail, so states that a later Slurm adds cannot be asked for by an earlier exporter.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli import values
from slurm_exporter.sources.cli.command import Command, fields, table
from slurm_exporter.sources.cli.records import FINAL_STATES, Ended

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Table

_FIELDS = (
    "Account",  # first, for on some clusters any user writes here what he likes, line breaks too
    "User",
    "Partition",
    "State",
    "DBIndex",
    "JobID",
    "Eligible",
    "Start",
    "End",
    "ElapsedRaw",
    "CPUTimeRAW",
    "AllocTRES",
)

_FIRST = 1_000_000
"""The first unix time that sacct takes for one; no job can have ended before."""

_WORD = re.compile(r"([A-Z_]+)(\+?)")


def ended_within(begin: int, end: int) -> Command[Ended]:
    """Return the command for what ended from one moment to another, given as unix time."""
    first, last = max(begin, _FIRST), max(end, _FIRST)
    times = (f"--starttime=uts{first}", f"--endtime=uts{last}")
    return replace(SACCT, arguments=(*SACCT.arguments, *times))


def _read(text: str, mark: str) -> Table[Ended]:
    return table(fields(text, mark, len(_FIELDS), separator=mark), _ended)


def _ended(row: list[str]) -> Ended:
    account, user, partition, state, number, job, *times, ran, cpu_seconds, tres = row
    eligible, start, end = map(values.moment, times)
    return Ended(
        id=int(number),
        tasks=_tasks(job),
        state=_state(state),
        partition=partition.partition(",")[0],
        user=user,
        account=account,
        ended=end,
        waited=_waited(eligible, start) if tres else None,
        ran=int(ran),
        cpu_seconds=int(cpu_seconds),
        gpu_seconds=int(ran) * sum(values.gpus(tres).values()),
    )


def _tasks(job: str) -> int:
    """Return how many tasks an id stands for; an array's that wait together have theirs in it."""
    if "[" not in job:
        return 1
    if not job.endswith("]"):
        raise ValueError(f"{job!r} was cut")
    return values.tasks(job[job.index("[") + 1 : -1])


def _waited(eligible: int | None, start: int | None) -> int | None:
    # Some releases give a start also to jobs that never had one; those were given nothing either.
    return None if start is None else max(0, start - (start if eligible is None else eligible))


@lru_cache(maxsize=256)
def _state(text: str) -> str:
    """Return the state alone: ``CANCELLED by 1000`` says who did it, ``OUT_OF_ME+`` is cut."""
    match = _WORD.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no state")
    word, cut = match.groups()
    return next((state for state in FINAL_STATES if cut and state.startswith(word)), word)


SACCT = Command(
    "sacct",
    (
        "--local",
        "--allusers",
        "--allocations",
        "--duplicates",
        "--noheader",
        "--noconvert",
        "--parsable",
        "--delimiter={mark}",
        f"--state={','.join(FINAL_STATES).lower()}",
        f"--format={','.join(_FIELDS)}",
    ),
    _read,
    ending="{mark}\n",
    may_be_empty=True,
)
"""Without the times; see ``ended_within``."""
