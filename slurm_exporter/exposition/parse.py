"""Slurm's text to families.

slurmctld writes one line per sample, one label at the most, and escapes nothing: whatever stands
between ``="`` and the last ``"}`` of a line is the label value.  A text that is as Slurm writes
it, family after family, is read in a few regular expressions (``_read_strictly``).  Anything
else is read again line by line (``_read_lines``), and there prometheus_client's parser says what
a line of another shape means.  Both readings give the same families where both apply.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeGuard, cast

from prometheus_client.parser import text_string_to_metric_families

from slurm_exporter.courtesy import give_way
from slurm_exporter.exposition.family import Family
from slurm_exporter.exposition.forgery import Block, Row, honest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DROP_REASONS = ("malformed", "foreign", "duplicate", "forged")
"""Why a row of Slurm's text is not served.

``malformed`` cannot be read; ``foreign`` belongs to no family of the endpoint; ``duplicate``
repeats a series; ``forged`` is the work of a line break in somebody's account name.
"""

_TYPES = {"gauge": "gauge", "counter": "counter", "untyped": "unknown", "unknown": "unknown"}
# What every reader of a page reads as a number: no sign before NaN, and nothing too large.
_NUMBER = (
    r"(?:[-+]?(?:[0-9]{1,40}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?"
    r"|[0-9](?:\.[0-9]+)?[eE](?:[-+]?[12][0-9]{2}|\+?30[0-7]|-3[0-9]{2})|Inf)|NaN)"
)
_NUMBERS = re.compile(_NUMBER)
_HEAD = re.compile(rb"# HELP (\w+) (.*)\n# TYPE (\w+) (\w+)\n")
_LINE = re.compile(
    rf'(?P<name>[a-zA-Z_:][\w:]*)(?:\{{(?P<label>\w+)="(?P<value>.*)"\}})? (?P<number>{_NUMBER})',
    re.ASCII,
)
_HEADER = re.compile(
    r"# (?P<kind>HELP|TYPE) (?P<name>[a-zA-Z_:][\w:]*)(?: (?P<text>.*))?", re.ASCII
)
_SECOND_LABEL = re.compile(r'", *[a-zA-Z_]\w*="', re.ASCII)
_SLICE = 1 << 14
_EOF = b"# EOF\n"
_END = re.compile(r"\n?(?:# EOF\n?)?\Z")
_HELP = b"# HELP "


@dataclass(frozen=True, slots=True)
class Rule:
    """Families that an endpoint may bring, and the label their samples may have.

    Attributes:
        names: a pattern that a family's whole name must match.
        label: the one label name; None for samples without labels.
    """

    names: re.Pattern[str]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """Which rows an endpoint may bring.

    Attributes:
        rules: the first that matches a family's name counts.
        chosen_by_users: whether cluster users choose the label values, so that rows may be forged.
    """

    rules: tuple[Rule, ...]
    chosen_by_users: bool = False

    def labels(self, name: str) -> tuple[str, ...] | None:
        """Return the label names of a family (none or one), or None if it is not admitted."""
        for rule in self.rules:
            if rule.names.fullmatch(name):
                return () if rule.label is None else (rule.label,)
        return None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text says.

    Attributes:
        families: in the order in which Slurm named them; each name once, none without rows.
        dropped: rows that are not in ``families``, counted by reason.
    """

    families: tuple[Family, ...]
    dropped: Mapping[str, int]


def parse(body: bytes, admission: Admission) -> Parsed:
    """Read Slurm's text.

    Never raises: a line that cannot be used costs that line and is counted.  Bytes that are not
    UTF-8 become replacement characters, since a page must be UTF-8.  A text that is as Slurm
    writes it is read in slices of some tenths of a millisecond, now and whenever the families'
    rows are read; a courteous thread gives way before each.

    Args:
        body: the text.
        admission: which of its rows are wanted.
    """
    families = _read_strictly(body, admission)
    if families is not None:
        return Parsed(families, {})
    return _read_lines(body.decode("utf-8", "replace"), admission)


# ------------------------------------------------------------------ as Slurm writes it


def _read_strictly(body: bytes, admission: Admission) -> tuple[Family, ...] | None:
    """Read a text that is exactly as Slurm writes it; None for any other."""
    body = body.removesuffix(_EOF)
    if not body.endswith(b"\n"):
        body += b"\n"
    families: dict[str, Family] = {}
    start = 0
    while start < len(body):
        end = body.find(b"\n" + _HELP, start) + 1 or len(body)
        family = _block(body, start, end, admission)
        if family is None or family.name in families:
            return None
        families[family.name] = family
        start = end
    return tuple(family for family in families.values() if family.rows)


def _block(body: bytes, start: int, end: int, admission: Admission) -> Family | None:
    """Read one family: its HELP line, its TYPE line, its samples."""
    head = _HEAD.match(body, start, end)
    if head is None or head[1] != head[3]:
        return None
    name, text, kind = (head[group].decode("utf-8", "replace") for group in (1, 2, 4))
    labels = admission.labels(name)
    if labels is None or kind not in _TYPES:
        return None
    pattern = _row_pattern(name, labels, admission.chosen_by_users)
    rows = _Lines(body, head.end(), end, pattern)
    return Family(name, _TYPES[kind], text, labels, rows) if rows.check() else None


class _Lines:
    """The samples of one family, tokenized whenever they are read: only the text is kept.

    Slice by slice, because whatever reads a text holds the interpreter lock until it is through.
    """

    __slots__ = ("_body", "_count", "_end", "_pattern", "_start")

    def __init__(self, body: bytes, start: int, end: int, pattern: re.Pattern[str]) -> None:
        self._body = body
        self._start = start
        self._end = end
        self._pattern = pattern
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        rows = chain.from_iterable(map(self._pattern.findall, self._slices()))
        # A pattern with a single group finds strings and not tuples.
        return rows if self._pattern.groups > 1 else zip(rows)

    def check(self) -> bool:
        """Count the lines; return whether each is a sample, and none repeats another's series."""
        name_of = itemgetter(0) if self._pattern.groups > 1 else _no_name
        seen: set[str] = set()
        for text in self._slices():
            self._count += text.count("\n")
            seen.update(map(name_of, self._pattern.findall(text)))
            if len(seen) < self._count:
                return False
        while seen:  # one by one: to forget all at once would hold the lock for long
            seen.pop()
        return True

    def _slices(self) -> Iterator[str]:
        body, start = self._body, self._start
        while start < self._end:
            give_way()
            most = min(start + _SLICE, self._end)
            end = body.rfind(b"\n", start, most) + 1 or body.find(b"\n", start) + 1
            yield body[start:end].decode("utf-8", "replace")
            start = end


def _no_name(_: str) -> str:
    """Return what tells a sample without a label from the others of its family: nothing."""
    return ""


@lru_cache(maxsize=1024)
def _row_pattern(name: str, labels: tuple[str, ...], chosen_by_users: bool) -> re.Pattern[str]:
    """Return the pattern of one whole line; where users choose, the last ``"}`` ends the value."""
    anything = ".*" if chosen_by_users else '[^"\\n]*'
    value = f'(?:{{{labels[0]}="({anything})"}})?' if labels else ""
    return re.compile(f"^{name}{value} ({_NUMBER})$", re.MULTILINE)


# ------------------------------------------------------------------ line by line


class _Header(NamedTuple):
    kind: str
    name: str
    text: str


def _read_lines(text: str, admission: Admission) -> Parsed:
    lines = _END.sub("", text).split("\n")
    read = [_read_line(line, admission) for line in lines]
    cuts = _cuts(read) if admission.chosen_by_users else []
    forged = _forged(lines, read, cuts, admission)
    # Where names may hold line breaks, only the headers that open a block are headers.
    heads = {line for cut in cuts for line in (cut, cut + 1)}
    collected = _Collected(admission)
    for index, meaning in enumerate(read):
        if isinstance(meaning, _Header):
            if not admission.chosen_by_users or index in heads:
                collected.head(meaning)
        else:
            collected.add(meaning, forged=index in forged)
    return collected.parsed()


def _read_line(line: str, admission: Admission) -> Row | _Header | None:
    header = _HEADER.fullmatch(line)
    if header is not None:
        return _Header(header["kind"], header["name"], header["text"] or "")
    match = _LINE.fullmatch(line)
    if match is not None:
        row: Row | None = _row(match, admission)
    else:
        row = None if admission.chosen_by_users else _judged(line.strip())
    if row is None or row.labels:
        return row
    # A job without an account has a row without the label: the empty label value.
    return row._replace(labels=tuple((name, "") for name in admission.labels(row.name) or ()))


def _row(match: re.Match[str], admission: Admission) -> Row:
    name, label, value, number = match.groups()
    if label is None:
        return Row(name, (), number)
    if not admission.chosen_by_users and _SECOND_LABEL.search(value):
        # Names that administrators give hold no quotes: this is a label we know nothing of.
        return Row(name, ((label, value), ("", "")), number)
    return Row(name, ((label, value),), number)


def _judged(line: str) -> Row | None:
    """Ask the reference parser about a line that is not of Slurm's shape."""
    if line.startswith("#"):
        return None
    try:
        (family,) = text_string_to_metric_families(line)
        (sample,) = family.samples
    except Exception:  # noqa: BLE001  # it has more ways to fail than it documents
        return None
    # The number as it is written: what follows the labels or the name, before a timestamp.
    rest = line[line.rfind("}") + 1 :] if "{" in line else line[len(sample.name) :]
    number = (rest.split() or [""])[0]
    if _NUMBERS.fullmatch(number) is None:
        return None
    return Row(sample.name, tuple(sample.labels.items()), number)


# ------------------------------------------------------------------ names with line breaks


def _cuts(read: Sequence[Row | _Header | None]) -> list[int]:
    """Find the lines that open a family's block: HELP lines of families that have only one."""
    helps = Counter(line.name for line in read if _is_help(line))
    return [i for i, line in enumerate(read) if _is_help(line) and helps[line.name] == 1]


def _is_help(line: Row | _Header | None) -> TypeGuard[_Header]:
    return isinstance(line, _Header) and line.kind == "HELP"


def _forged(
    lines: Sequence[str],
    read: Sequence[Row | _Header | None],
    cuts: Sequence[int],
    admission: Admission,
) -> set[int]:
    """Return the indexes of lines that a line break in a name may have made."""
    groups: dict[tuple[str, ...], list[tuple[int, Block]]] = {}
    for cut, end in pairwise([*cuts, len(lines)]):
        typed = any(isinstance(line, _Header) for line in read[cut + 1 : cut + 2])
        start = cut + 1 + typed
        rows = [line if isinstance(line, Row) else None for line in read[start:end]]
        family = cast("_Header", read[cut]).name
        labels = admission.labels(family)
        if labels is not None:
            group = groups.setdefault(labels, [])
            group.append((start, Block(family, lines[start:end], rows)))
    forged: set[int] = set()
    for group in groups.values():
        for (start, block), kept in zip(group, honest([b for _, b in group]), strict=True):
            forged |= {start + i for i in range(len(block.lines)) if i not in kept}
    return forged


class _Collected:
    """Families that grow line by line."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._headers: dict[tuple[str, str], str] = {}
        self._rows: dict[str, dict[tuple[str, ...], str]] = {}
        self._dropped: Counter[str] = Counter()

    def head(self, header: _Header) -> None:
        self._headers.setdefault((header.kind, header.name), header.text)

    def add(self, row: Row | None, *, forged: bool) -> None:
        reason = "malformed" if row is None else self._keep(row, forged=forged)
        if reason is not None:
            self._dropped[reason] += 1

    def _keep(self, row: Row, *, forged: bool) -> str | None:
        """Keep a row, or return why not."""
        if self._admission.labels(row.name) != tuple(name for name, _ in row.labels):
            return "foreign"
        if forged:
            return "forged"
        values = tuple(value for _, value in row.labels)
        rows = self._rows.setdefault(row.name, {})
        if values in rows:
            return "duplicate"
        rows[values] = row.number
        return None

    def parsed(self) -> Parsed:
        return Parsed(tuple(self._families()), dict(self._dropped))

    def _families(self) -> Iterator[Family]:
        for name, rows in self._rows.items():
            yield Family(
                name,
                _TYPES.get(self._headers.get(("TYPE", name), ""), "unknown"),
                self._headers.get(("HELP", name), ""),
                self._admission.labels(name) or (),
                [(*values, number) for values, number in rows.items()],
            )
