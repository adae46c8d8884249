"""Single values of a document: typed, or noted as wrong without stopping there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from slurm_exporter.config import document
from slurm_exporter.config.document import Scalar, Sequence
from slurm_exporter.config.units import format_duration, parse_duration, parse_size
from slurm_exporter.config.words import either, quote, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from slurm_exporter.config.document import Node
    from slurm_exporter.config.problems import Problems

Value = TypeVar("Value")
Default = TypeVar("Default")

_STRING = "a string"
_ANY_TEXT = (document.STRING, document.NUMBER, document.BOOLEAN, document.DATE)
# What YAML 1.1 takes for a boolean, in any case of letters.
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the file on its way to becoming a typed one.

    The methods that read it return their ``default`` when the key is absent, and also when the
    value is wrong, after noting why.

    Attributes:
        node: the value; None when the key is absent.
        line: where the key is; for an absent one, where the mapping is that lacks it.
        path: the key's path, such as ``server.port``.
        problems: where problems are noted.
    """

    node: Node | None
    line: int | None
    path: str
    problems: Problems

    @property
    def given(self) -> bool:
        """Whether the file has this key."""
        return self.node is not None

    @property
    def empty(self) -> bool:
        """Whether the file has no value for this key, with or without the key."""
        node = self.node
        return node is None or (isinstance(node, Scalar) and node.kind == document.EMPTY)

    @property
    def clean(self) -> bool:
        """Whether nothing was found wrong with it so far."""
        return self.problems.clean(self.path)

    def fail(self, message: str) -> None:
        """Note that the value is wrong."""
        self.problems.add(self.line, self.path, message)

    def key(self, check: Callable[[str], str], name: str) -> str:
        """The name of the field's own key; what ``check`` has against it is noted."""
        try:
            return check(name)
        except ValueError as error:
            self.fail(str(error))
            return name

    def text(
        self, check: Callable[[str], Value], default: Default, wanted: str = _STRING
    ) -> Value | Default:
        """A string, as ``check`` returns it; its ValueError becomes the problem's message."""
        return self._scalar((document.STRING,), wanted, check, default)

    def date_or_text(
        self, check: Callable[[str], Value], default: Default, wanted: str
    ) -> Value | Default:
        """A string, or a time as the file writes it without quotes, as ``check`` returns it."""
        return self._scalar((document.STRING, document.DATE), wanted, check, default)

    def any_text(self, default: Default) -> str | Default:
        """A string, or a bare number, boolean or date as the file writes it."""
        return self._scalar(_ANY_TEXT, _STRING, str, default)

    def boolean(self, *, default: bool) -> bool:
        """``true`` or ``false`` in any of YAML's spellings, without quotes."""
        return self._scalar((document.BOOLEAN,), "true or false without quotes", _boolean, default)

    def number(
        self, check: Callable[[str], Value], default: Default, wanted: str
    ) -> Value | Default:
        """A number without quotes, as ``check`` returns it."""
        return self._scalar((document.NUMBER,), wanted, check, default)

    def choice(self, allowed: tuple[str, ...], default: str) -> str:
        """One of a few words."""

        def check(word: str) -> str:
            if word in allowed:
                return word
            hint = suggestion(word, allowed)
            raise ValueError(f"must be {either(allowed)}, not {quote(word)}{hint}")

        return self._scalar((document.STRING,), either(allowed), check, default)

    def duration(self, default: Default, *, at_least: float, at_most: float) -> float | Default:
        """Seconds, within bounds that are seconds as well."""

        def check(text: str) -> float:
            seconds = parse_duration(text)
            if at_least <= seconds <= at_most:
                return seconds
            bounds = f"{format_duration(at_least)} to {format_duration(at_most)}"
            raise ValueError(f"must be from {bounds}, not {quote(text)}")

        kinds = (document.STRING, document.NUMBER)
        return self._scalar(kinds, "a duration such as 30s", check, default)

    def size(self, default: int) -> int:
        """Bytes."""
        kinds = (document.STRING, document.NUMBER)
        return self._scalar(kinds, "a size such as 10MB", parse_size, default)

    def items(self, wanted: str) -> tuple[Field, ...] | None:
        """The elements of a list; None when the key is absent, empty or no list."""
        if isinstance(self.node, Sequence):
            return tuple(
                Field(node, node.line, f"{self.path}[{index}]", self.problems)
                for index, node in enumerate(self.node.items)
            )
        if not self.empty:
            self.wrong_type(wanted)
        return None

    def one_or_more(self, wanted: str) -> tuple[Field, ...] | None:
        """The elements of a list, or a lone value as a list of one."""
        return (self,) if isinstance(self.node, Scalar) else self.items(wanted)

    def _scalar(
        self,
        kinds: tuple[str, ...],
        wanted: str,
        check: Callable[[str], Value],
        default: Default,
    ) -> Value | Default:
        if self.node is None:
            return default
        if not isinstance(self.node, Scalar) or self.node.kind not in kinds:
            self.wrong_type(wanted)
            return default
        if "\0" in self.node.text:  # which no path, address, name or header can hold
            self.fail("must not contain a null character")
            return default
        try:
            return check(self.node.text)
        except ValueError as error:
            self.fail(str(error))
            return default

    def wrong_type(self, wanted: str) -> None:
        """Note that the value is of another type than ``wanted``, a phrase such as ``a list``."""
        node = self.node
        if node is None:
            return
        bare = isinstance(node, Scalar) and node.kind in _ANY_TEXT
        hint = "; put it in quotes" if bare and wanted == _STRING else ""
        self.fail(f"must be {wanted}, not {node.kind}{hint}")


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(f"must be true or false, not {quote(text)}") from None


def distinct(values: Iterable[tuple[Field, Value | None]], noun: str) -> tuple[Value, ...]:
    """The values in order, without those that could not be read; a repeated one is a problem."""
    first: dict[Value, Field] = {}
    for field, value in values:
        if value in first:
            field.fail(f"duplicate {noun}; first on line {first[value].line}")
        elif value is not None:
            first[value] = field
    return tuple(first)
