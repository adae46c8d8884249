"""Collecting everything that is wrong with one file, to report it at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slurm_exporter.config.words import quote
from slurm_exporter.errors import ConfigError, Problem

if TYPE_CHECKING:
    from typing import NoReturn

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


def key_path(parent: str, key: str) -> str:
    """The path of a key: ``server.port``, or ``labels['a b']`` where a dot would mislead."""
    if not _PLAIN_KEY.fullmatch(key):
        return f"{parent}[{quote(key)}]"
    return f"{parent}.{key}" if parent else key


class Problems:
    """The problems found so far in one file.

    Attributes:
        file: the file as the operator named it.
    """

    __slots__ = ("_found", "file")

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Problem] = []

    def add(self, line: int | None, path: str, message: str) -> None:
        """Note a problem and go on."""
        self._found.append(Problem(self.file, line, path, message))

    def stop(self, line: int | None, path: str, message: str) -> NoReturn:
        """Note a problem that leaves nothing more to read.

        Raises:
            ConfigError: always.
        """
        self.add(line, path, message)
        raise self._error()

    def include(self, error: ConfigError) -> None:
        """Note what is wrong with another file, which this one names."""
        self._found.extend(error.problems)

    def clean(self, *paths: str) -> bool:
        """Whether nothing at or below any of these paths was found wrong."""
        return not any(_is_within(found.path, path) for found in self._found for path in paths)

    def raise_if_any(self) -> None:
        """End the reading of a file.

        Raises:
            ConfigError: something was found; the problems are in the order of the file.
        """
        if self._found:
            raise self._error()

    def _error(self) -> ConfigError:
        return ConfigError(tuple(sorted(self._found, key=lambda found: found.line or 0)))


def _is_within(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith((f"{ancestor}.", f"{ancestor}["))
