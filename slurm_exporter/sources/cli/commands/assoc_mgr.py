"""Limits and what is used of them: ``scontrol show assoc_mgr``, a line for each of their owners.

Owners are associations and QoS.  A line of a QoS ends with what accounts and users use of it::

    QOS=long(3) GrpJobs=10(2) ... Account Limits= bio={MaxJobsPA=5(2) ...} User Limits= bob(7)={...}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slurm_exporter.errors import EmptyError
from slurm_exporter.sources.cli.command import Command, Table, lines
from slurm_exporter.sources.cli.commands.oneliner import pairs
from slurm_exporter.sources.cli.records import Limit, LimitOwner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slurm_exporter.sources.cli.commands.oneliner import Pairs

_MINUTE = 60
_MEBIBYTE = 1024 * 1024

_GROUP = {
    "GrpJobs": "jobs",
    "GrpJobsAccrue": "accruing_jobs",
    "GrpSubmitJobs": "submitted_jobs",
    "GrpWall": "wall_seconds",
    "GrpTRES": "tres",
    "GrpTRESMins": "tres_seconds",
    "GrpTRESRunMins": "running_tres_seconds",
}
_USER = {
    "MaxJobs": "user_jobs",
    "MaxJobsAccrue": "user_accruing_jobs",
    "MaxSubmitJobs": "user_submitted_jobs",
}
_OF_QOS = {
    "MaxJobs": "jobs",
    "MaxJobsAccrue": "accruing_jobs",
    "MaxSubmitJobs": "submitted_jobs",
    "MaxTRES": "tres",
    "MaxTRESRunMins": "running_tres_seconds",
}
_PER_ACCOUNT = {f"{key}PA": kind for key, kind in _OF_QOS.items()}
_PER_USER = {f"{key}PU": kind for key, kind in _OF_QOS.items()}

# A limit that is set, of a resource if it has a name, and its use; one that is not is N(17).
_SET = re.compile(r"(?:^|(?<=,))(?:([^,]*)=)?(\d+)\((\d+(?:\.\d+)?)\)(?=,|$)")
_NAME = re.compile(r"(.*)\((\d+)\)")  # and an id
_OF_MEMBER = re.compile(r"=\{(Max[^{}]*)\}")  # behind a name that may have braces too


def _read(text: str, _mark: str) -> Table[LimitOwner]:
    if "\nNo associations currently cached" in text:
        raise EmptyError(
            "slurmctld knows no associations: a cluster without slurmdbd has no limits"
        )
    owners = list(_Reader().owners(text))
    known = [owner for owner in owners if owner is not None]
    limited = tuple(owner for owner in known if owner.limits)
    return Table(limited, len(owners) - len(known), passed_over=len(known) - len(limited))


class _Reader:
    """Reads line by line and remembers users' names: before 23.02 a QoS has only their ids."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def owners(self, text: str) -> Iterator[LimitOwner | None]:
        for line in lines(text):
            try:
                if line.startswith("ClusterName="):
                    yield self._association(pairs(line))
                elif line.startswith("QOS="):
                    yield from self._qos(line)
            except ValueError:
                yield None

    def _association(self, found: Pairs) -> LimitOwner:
        user = self._user(found["UserName"])
        kinds = {**_GROUP, **_USER} if user else _GROUP
        return LimitOwner(
            "association", (found["Account"], user, found["Partition"]), _limits(found, kinds)
        )

    def _qos(self, line: str) -> Iterator[LimitOwner]:
        own, _, members = line.partition(" Account Limits=")
        accounts, _, users = members.partition(" User Limits=")
        found = pairs(own)
        qos = _named(found["QOS"])
        yield LimitOwner("qos", (qos,), _limits(found, _GROUP))
        for name, limits in _members(accounts):
            yield LimitOwner("qos_account", (qos, name), _limits(pairs(limits), _PER_ACCOUNT))
        for name, limits in _members(users):
            owner = (qos, self._user(name))
            yield LimitOwner("qos_user", owner, _limits(pairs(limits), _PER_USER))

    def _user(self, text: str) -> str:
        match = _NAME.fullmatch(text)
        if match is None:
            return self._names.get(text, text)
        self._names[match[2]] = match[1]
        return match[1]


def _members(text: str) -> Iterator[tuple[str, str]]:
    """Yield names and limits of ``one={...} another={...}``."""
    *pieces, _ = _OF_MEMBER.split(text)
    for name, limits in zip(pieces[::2], pieces[1::2], strict=True):
        yield name.strip(), limits


def _named(text: str) -> str:
    match = _NAME.fullmatch(text)
    return match[1] if match else text


def _limits(found: Mapping[str, str], kinds: Mapping[str, str]) -> tuple[Limit, ...]:
    return tuple(
        _limit(kind, *values)
        for key, kind in kinds.items()
        for values in _SET.findall(found.get(key, ""))
    )


def _limit(kind: str, tres: str, limit: str, used: str) -> Limit:
    unit = (_MINUTE if kind.endswith("seconds") else 1) * (_MEBIBYTE if tres == "mem" else 1)
    in_use = round(float(used) * unit, 1) if "." in used else int(used) * unit
    return Limit(kind, tres, int(limit) * unit, in_use)


ASSOC_MGR = Command("scontrol", ("--oneliner", "show", "assoc_mgr", "flags=assoc,qos"), _read)
