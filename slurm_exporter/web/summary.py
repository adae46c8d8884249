"""How the endpoints are, one by one in a word and all together in a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Summary:
    """All endpoints in a line.

    Attributes:
        condition: the worst condition that any endpoint is in.
        headline: what an administrator must know.
        details: which endpoints that is about; empty when the headline says it all.
    """

    condition: str
    headline: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class _Verb:
    one: str
    many: str
    troubled: bool = True


_VERBS = {
    "hanging": _Verb("hangs", "hang"),
    "expired": _Verb("has expired", "have expired"),
    "never": _Verb("has never answered", "have never answered"),
    "stale": _Verb("is stale", "are stale"),
    "failing": _Verb("is failing", "are failing"),
    "waiting": _Verb("waits for its first poll", "wait for their first poll", troubled=False),
    "up": _Verb("is up", "are up", troubled=False),
}
"""The conditions, worst first: the four states, and those in which the state would mislead."""


def condition(endpoint: Mapping[str, Any]) -> str:
    """Return an endpoint's state, or another condition where that says more."""
    if endpoint["hanging"]:
        return "hanging"
    if endpoint["state"] == "never" and not endpoint["polls"]:
        return "waiting"
    if endpoint["state"] == "up" and endpoint["failures_in_row"]:
        return "failing"
    return str(endpoint["state"])


def summarise(endpoints: Sequence[Mapping[str, Any]]) -> Summary:
    """Return the summary of what ``facts()`` knows about the endpoints."""
    groups: dict[str, list[str]] = {name: [] for name in _VERBS}
    for endpoint in endpoints:
        groups[condition(endpoint)].append(endpoint["name"])
    groups = {name: members for name, members in groups.items() if members}
    if not groups:
        return Summary("waiting", "No endpoint is enabled")
    worst = next(iter(groups))
    if len(groups) == 1:
        return Summary(worst, _unanimous(groups[worst], worst))
    clauses = [
        _clause(_listed(names), name, len(names)) for name, names in groups.items() if name != "up"
    ]
    return Summary(worst, _count(groups), "; ".join(clauses))


def _unanimous(names: Sequence[str], condition: str) -> str:
    subject = names[0] if len(names) == 1 else f"All {len(names)} endpoints"
    return _clause(subject, condition, len(names))


def _count(groups: Mapping[str, Sequence[str]]) -> str:
    total = sum(map(len, groups.values()))
    troubled = sum(len(names) for name, names in groups.items() if _VERBS[name].troubled)
    if not troubled:
        up = len(groups["up"])
        return _clause(f"{up} of {total} endpoints", "up", up)
    return f"{troubled} of {total} endpoints {'needs' if troubled == 1 else 'need'} attention"


def _clause(subject: str, condition: str, number: int) -> str:
    verb = _VERBS[condition]
    return f"{subject} {verb.one if number == 1 else verb.many}"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
