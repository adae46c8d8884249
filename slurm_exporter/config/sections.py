"""Mappings of a document, whose keys are taken one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.config.document import Mapping, read_document
from slurm_exporter.config.fields import Field
from slurm_exporter.config.problems import key_path
from slurm_exporter.config.words import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slurm_exporter.config.document import Entry
    from slurm_exporter.config.problems import Problems

_WANTED = "a mapping of keys"


def open_document(text: str, problems: Problems) -> Section:
    """The top of a YAML text; what is no mapping is noted and stands for an empty one.

    Raises:
        ConfigError: the text is no YAML that can be read at all.
    """
    field = Field(read_document(text, problems), 1, "", problems)
    return read_section(field, _WANTED) or Section({}, field)


def read_section(field: Field, wanted: str) -> Section | None:
    """The keys of a mapping; none when it is absent or empty; None when it is no mapping."""
    if isinstance(field.node, Mapping):
        return Section(field.node.entries, field)
    if field.empty:
        return Section({}, field)
    field.wrong_type(wanted)
    return None


class Section:
    """A mapping whose keys are taken one by one; ``finish`` refuses those that nobody took."""

    __slots__ = ("_entries", "_field", "_known", "_refused")

    def __init__(self, entries: dict[str, Entry], field: Field) -> None:
        self._entries = entries
        self._field = field
        self._known: dict[str, None] = {}
        self._refused: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether it has no keys at all."""
        return not self._entries

    def take(self, key: str, *, required: bool = False) -> Field:
        """The value of a key, which becomes one of the allowed keys."""
        self._known[key] = None
        field = self._value(key)
        if required and not field.given:
            field.fail("is required")
        return field

    def either(self, key: str, other: str) -> tuple[Field, Field]:
        """The values of two keys of which only one may be there."""
        pair = self.take(key), self.take(other)
        if all(field.given for field in pair):
            pair[1].fail(f"cannot be used together with `{key}`; keep one of them")
        return pair

    def section(self, key: str, wanted: str = _WANTED) -> Section:
        """A mapping of this mapping; an empty one stands in for one that is absent or wrong."""
        field = self.take(key)
        return read_section(field, wanted) or Section({}, field)

    def all(self) -> tuple[tuple[str, Field], ...]:
        """Every key and its value, for a mapping whose keys are the operator's own."""
        return tuple((key, self.take(key)) for key in self._entries)

    def refuse(self, keys: Iterable[str], message: str) -> None:
        """Note each of these keys that is there; they are not among the allowed keys."""
        refused = frozenset(keys)
        self._refused |= refused
        for key in filter(refused.__contains__, self._entries):
            self._value(key).fail(message)

    def finish(self) -> bool:
        """Note every key that nobody took.

        Returns:
            Whether there was none.
        """
        unknown = [k for k in self._entries if k not in self._known and k not in self._refused]
        for key in unknown:
            hint = suggestion(key, self._known) or f"; allowed are {', '.join(self._known)}"
            self._value(key).fail(f"unknown key{hint}")
        return not unknown

    def _value(self, key: str) -> Field:
        entry = self._entries.get(key)
        path = key_path(self._field.path, key)
        if entry is None:
            return Field(None, self._field.line, path, self._field.problems)
        return Field(entry.node, entry.line, path, self._field.problems)
