"""A YAML text as a tree of nodes that know their lines; nothing in it is ever executed.

The tree is what the text means: aliases are resolved and merge keys (``<<``) merged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import yaml
from yaml.reader import ReaderError

from slurm_exporter.config.problems import Problems, key_path

MAX_DEPTH = 16
"""Levels of nesting, of which a config needs four."""

MAX_NODES = 10_000
"""Values in a file after its aliases are resolved: nested aliases multiply."""

STRING = "a string"
NUMBER = "a number"
BOOLEAN = "a boolean"
DATE = "a date"
EMPTY = "empty"

_YAML = "tag:yaml.org,2002:"
_MERGE = f"{_YAML}merge"
_KINDS = {
    f"{_YAML}str": STRING,
    f"{_YAML}int": NUMBER,
    f"{_YAML}float": NUMBER,
    f"{_YAML}bool": BOOLEAN,
    f"{_YAML}null": EMPTY,
    f"{_YAML}timestamp": DATE,
    f"{_YAML}value": STRING,
    _MERGE: STRING,
}
_TAGS = {
    yaml.ScalarNode: frozenset(_KINDS),
    yaml.SequenceNode: frozenset({f"{_YAML}seq"}),
    yaml.MappingNode: frozenset({f"{_YAML}map"}),
}
_HINTS = {
    r"found character '\t'": "indent with spaces, not tabs",
    "cannot start any token": "put the value in quotes",
    "found undefined alias": "put a value that starts with * in quotes",
    "found undefined tag handle": "put a value that starts with ! in quotes",
    "expected <block end>": "the indentation does not fit the lines above",
    "could not find expected ':'": "a colon is missing here or on the line above",
}
_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep, or an alias that contains itself"
_TOO_MANY = f"more than {MAX_NODES} values once its aliases are resolved"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value.

    Attributes:
        line: 1-based line.
        kind: what YAML takes it for, in the words of a message: ``a string``, ``a number``, ...
        text: the value as written, quotes and escapes resolved.
    """

    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of values."""

    kind: ClassVar[str] = "a list"
    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a mapping and the line of its key."""

    line: int
    node: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Values by key; keys are texts, as written."""

    kind: ClassVar[str] = "a mapping"
    line: int
    entries: dict[str, Entry]


Node: TypeAlias = Scalar | Sequence | Mapping


def read_document(text: str, problems: Problems) -> Node:
    """The tree of a YAML text; an empty text is an empty mapping.

    Duplicate keys and tags are noted in ``problems``.

    Raises:
        ConfigError: the text is not YAML, or too deep or too large to be a config.
    """
    root = _compose(text, problems)
    return Mapping(1, {}) if root is None else _Builder(problems).build(root, "", 1)


class _TooDeepError(Exception):
    pass


class _Loader(yaml.SafeLoader):
    """Composes nodes, and stops before deep nesting exhausts Python's stack."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeepError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _compose(text: str, problems: Problems) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.stop(line, "", f"not valid YAML: character #x{error.character:04x} is not allowed")
    try:
        return loader.get_single_node()
    except _TooDeepError:
        problems.stop(loader.line + 1, "", _TOO_DEEP)
    except yaml.MarkedYAMLError as error:
        # A quote that is not closed shows at the end of the file; what matters is where it begins.
        opened = error.context_mark if "unexpected end of stream" in str(error.problem) else None
        mark = opened or error.problem_mark or loader.get_mark()
        problems.stop(mark.line + 1, "", f"not valid YAML: {_reason(error)}")
    except (ValueError, OverflowError):
        # PyYAML lets these out for an escape or a version number beyond all bounds.
        problems.stop(loader.line + 1, "", "not valid YAML: a number or an escape is out of range")


def _reason(error: yaml.MarkedYAMLError) -> str:
    words = ", ".join(filter(None, (error.context, error.problem)))
    hint = next((f" ({hint})" for sign, hint in _HINTS.items() if sign in words), "")
    # The name of an unknown alias or tag can be a password that should have been quoted.
    return re.sub(r" '[\w!-]{2,}'", "", words) + hint


class _Builder:
    """Turns PyYAML's nodes into ours, and counts them: an alias is built anew at each use."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._nodes = 0

    def build(self, node: yaml.Node, path: str, depth: int) -> Node:
        line = _line(node)
        self._nodes += 1
        if depth > MAX_DEPTH:
            self._problems.stop(line, "", _TOO_DEEP)
        if self._nodes > MAX_NODES:
            self._problems.stop(line, "", _TOO_MANY)
        if node.tag not in _TAGS[type(node)]:
            self._problems.add(line, path, "a YAML tag is not allowed here; write the plain value")
        if isinstance(node, yaml.SequenceNode):
            items = (self.build(n, f"{path}[{i}]", depth + 1) for i, n in enumerate(node.value))
            return Sequence(line, tuple(items))
        if isinstance(node, yaml.MappingNode):
            return Mapping(line, self._entries(node, path, depth))
        return Scalar(line, _KINDS.get(node.tag, STRING), self._text(node, path))

    def _entries(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Entry]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = self._merge(value, path, depth) | merged
            elif isinstance(key, yaml.ScalarNode):
                self._add(own, key, value, path, depth)
            else:
                self._problems.add(_line(key), path, "a key must be a name, not a list or mapping")
        return merged | own

    def _add(
        self,
        entries: dict[str, Entry],
        key: yaml.ScalarNode,
        value: yaml.Node,
        parent: str,
        depth: int,
    ) -> None:
        name = self._text(key, parent)
        path = key_path(parent, name)
        if name in entries:
            self._problems.add(
                _line(key), path, f"duplicate key; first on line {entries[name].line}"
            )
        else:
            entries[name] = Entry(_line(key), self.build(value, path, depth + 1))

    def _merge(self, value: yaml.Node, path: str, depth: int) -> dict[str, Entry]:
        """The entries that ``<<`` brings; where its mappings disagree, the first one wins."""
        node = self.build(value, path, depth + 1)
        merged: dict[str, Entry] = {}
        for source in node.items if isinstance(node, Sequence) else (node,):
            if isinstance(source, Mapping):
                merged = source.entries | merged
            else:
                self._problems.add(
                    source.line, path, f"`<<` merges a mapping or a list of them, not {source.kind}"
                )
        return merged

    def _text(self, node: yaml.Node, path: str) -> str:
        text: str = node.value
        readable = text.encode(errors="replace").decode()
        if readable != text:
            self._problems.add(_line(node), path, "holds half of a surrogate pair, not a character")
        return readable


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
