"""Families to the bytes that a page is made of.

Both formats are line based and agree on samples; they differ in the escaping of help texts, in
the word for an unknown type and in the name of a counter.  Sources: the Prometheus text
exposition format 0.0.4 and OpenMetrics 1.0.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from slurm_exporter.exposition.formats import Format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slurm_exporter.exposition.family import Family

_TOTAL = "_total"


def render(families: Iterable[Family], labels: Iterable[tuple[str, str]], fmt: Format) -> bytes:
    """Write families as UTF-8 text.

    Args:
        families: each name at most once.
        labels: (name, value) pairs that every sample gets on top of its own labels.
        fmt: the format.

    Returns:
        Complete lines; an OpenMetrics ``# EOF`` is the page's affair.
    """
    extra = [f'{name}="{escape(value)}"' for name, value in labels]
    return "".join(
        chain.from_iterable((_header(family, fmt), _samples(family, extra)) for family in families)
    ).encode()


def escape(value: str) -> str:
    """Escape a label value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _header(family: Family, fmt: Format) -> str:
    name, kind = family.name, family.type
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    if fmt is Format.OPENMETRICS:
        text = text.replace('"', r"\"")
        if kind == "counter":
            # There a counter's samples must end in _total; a counter that does not is passed
            # on under its own name as what it can still be called.
            kind = kind if name.endswith(_TOTAL) else "unknown"
            name = name.removesuffix(_TOTAL) if kind == "counter" else name
    elif kind == "unknown":
        kind = "untyped"
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _samples(family: Family, extra: list[str]) -> str:
    own = [f'{label}="%s"' for label in family.labels]
    pairs = ",".join(own + [pair.replace("%", "%%") for pair in extra])
    line = f"{family.name}{{{pairs}}} %s\n" if pairs else f"{family.name} %s\n"
    rows = _escaped(family) if _needs_escape(family) else family.rows
    return "".join([line % row for row in rows])


def _needs_escape(family: Family) -> bool:
    """Tell with three searches over all values whether any of them must be looked at."""
    text = "".join(chain.from_iterable(family.rows)) if family.labels else ""
    return '"' in text or "\\" in text or "\n" in text


def _escaped(family: Family) -> Iterable[tuple[str, ...]]:
    return (tuple(map(escape, row)) for row in family.rows)
