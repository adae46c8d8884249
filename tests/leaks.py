"""Secrets that tests give to exporters, searched for in all that comes out of a test run."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MARKERS = frozenset({b"correct-horse-battery"})
"""Part of the passwords of many tests, which is no word of anything else."""

LEAST = 10
"""How long a secret is at least; ``password`` is one in some configs, and a word in many logs."""

_IN_PLACE = {"password", "password_hash", "credentials"}
_IN_A_FILE = {"password_file", "credentials_file", "key_file"}
_WITH_SECRETS = {"headers", "basic_auth_users"}

everywhere: set[bytes] = set(MARKERS)
"""All secrets of this test run so far."""


class Secrets:
    """Those of one exporter and its clients, in every form in which they could get out."""

    def __init__(self) -> None:
        self._known = set(MARKERS)

    def learn(self, config: Any, directory: Path) -> None:
        """Take all that a config file or a web configuration file keeps, also in other files.

        Args:
            config: the content.
            directory: where relative paths begin.
        """
        self._add(_secrets(config, directory))

    def learn_web_config(self, file: Path) -> None:
        """Take what a file keeps that ``--web.config.file`` names."""
        self._add(_of_web_config(file))

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Take the password that a client shows, and the token that it is packed in."""
        _, _, token = headers.get("Authorization", "").partition(" ")
        with contextlib.suppress(ValueError):
            password = base64.b64decode(token, validate=True).partition(b":")[2]
            self._add([token.encode(), password])

    def _add(self, found: Iterable[bytes]) -> None:
        new = {secret for secret in found if len(secret) >= LEAST}
        self._known |= new
        everywhere.update(new)

    def must_not_be_in(self, output: bytes, what: str) -> None:
        """Fail the test if one of them stands in what the exporter gave out."""
        assert not leaked(output, self._known), f"a secret is in {what}"


def leaked(output: bytes, secrets: Iterable[bytes] | None = None) -> bool:
    """Whether an output has a secret in it; by default, any of this test run."""
    # A copy, made in one step: other clients of the same exporter learn while this one looks.
    known = tuple(everywhere if secrets is None else secrets)
    return any(secret in output for secret in known)


def plain(body: bytes, encoding: str | None) -> bytes:
    """A page as it was before it was compressed."""
    return gzip.decompress(body) if encoding == "gzip" else body


def _secrets(value: Any, directory: Path) -> Iterator[bytes]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets(item, directory)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key in _WITH_SECRETS and isinstance(item, dict):
            yield from (str(secret).encode() for secret in item.values())
        elif key in _IN_PLACE:
            yield str(item).encode()
        elif key in _IN_A_FILE:
            yield from _in_file(directory / str(item))
        elif key == "web_config_file":
            yield from _of_web_config(directory / str(item))
        else:
            yield from _secrets(item, directory)


def _of_web_config(file: Path) -> Iterator[bytes]:
    """What a web configuration file keeps that was written as JSON; another has nothing here."""
    with contextlib.suppress(OSError, ValueError):
        yield from _secrets(json.loads(file.read_text(encoding="utf-8")), file.parent)


def _in_file(file: Path) -> Iterator[bytes]:
    """The lines, since a key has several; but those that say what is between them."""
    with contextlib.suppress(OSError):
        for line in file.read_bytes().splitlines():
            if not line.startswith(b"-----"):
                yield re.sub(rb"^SLURM_JWT=", b"", line.strip())
