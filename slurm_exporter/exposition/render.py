"""Families to the bytes that a page is made of.

Both formats are line based and agree on samples; they differ in the escaping of help texts, in
the word for an unknown type and in the name of a counter.  Sources: the Prometheus text
exposition format 0.0.4 and OpenMetrics 1.0.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from slurm_exporter.exposition.formats import Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition.family import Family

_TOTAL = "_total"
_BATCH = 1024


def render(
    families: Iterable[Family], labels: Iterable[tuple[str, str]]
) -> dict[Format, tuple[bytes, ...]]:
    """Write families as UTF-8 text in each format.

    Args:
        families: each name at most once.
        labels: (name, value) pairs that every sample gets on top of its own labels.

    Returns:
        Complete lines in chunks, for each format; formats that come to the same text share one
        object.
        An OpenMetrics ``# EOF`` is the page's affair.
    """
    extra = [f'{name}="{escape(value)}"' for name, value in labels]
    chunks: dict[Format, list[bytes]] = {fmt: [] for fmt in Format}
    for family in families:
        pieces = (family, *family.more)
        samples = [chunk for piece in pieces for chunk in _samples(piece, extra)]
        for fmt, written in chunks.items():
            written += [_header(family, fmt).encode(), *samples]
    if chunks[Format.TEXT] == chunks[Format.OPENMETRICS]:
        return dict.fromkeys(Format, tuple(chunks[Format.TEXT]))
    return {fmt: tuple(written) for fmt, written in chunks.items()}


def escape(value: str) -> str:
    """Escape a label value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def escape_help(text: str, fmt: Format) -> str:
    """Escape a help text; in the older format a quote must stay as it is."""
    if fmt is Format.OPENMETRICS:
        return escape(text)
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _header(family: Family, fmt: Format) -> str:
    name, kind = family.name, family.type
    text = escape_help(family.help, fmt)
    if fmt is Format.OPENMETRICS:
        if kind == "counter":
            # There a counter's samples must end in _total; a counter that does not is passed
            # on under its own name as what it can still be called.
            kind = kind if name.endswith(_TOTAL) else "unknown"
            name = name.removesuffix(_TOTAL) if kind == "counter" else name
    elif kind == "unknown":
        kind = "untyped"
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _samples(family: Family, extra: list[str]) -> Iterator[bytes]:
    """Write a family's samples, a thousand at a time, so that other threads get their turn."""
    own = [f'{label}="%s"' for label in family.labels]
    pairs = ",".join(own + [pair.replace("%", "%%") for pair in extra])
    name = family.name + family.suffix
    line = f"{name}{{{pairs}}} %s\n" if pairs else f"{name} %s\n"
    rows = iter(family.rows)
    while batch := list(islice(rows, _BATCH)):
        if _need_escape(batch):
            batch = [tuple(map(escape, row)) for row in batch]
        yield "".join([line % row for row in batch]).encode()


def _need_escape(rows: list[tuple[str, ...]]) -> bool:
    """Tell with three searches over all values whether any of them must be looked at."""
    text = "".join(chain.from_iterable(rows))
    return '"' in text or "\\" in text or "\n" in text
