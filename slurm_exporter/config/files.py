"""The files that a config is, or names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.problems import Problems

MAX_BYTES = 256 * 1024
"""Largest config file: reading more costs seconds, and no honest one comes near."""


def read_text(path: str, problems: Problems) -> str:
    """The text of a config file.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        problems.stop(None, "", f"cannot read: {error.strerror}")
    if len(content) > MAX_BYTES:
        problems.stop(None, "", f"cannot read: larger than {MAX_BYTES // 1024} KiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        problems.stop(None, "", f"cannot read: not UTF-8 text (byte {error.start})")


def beside(text: str, file: str, kind: str = "file") -> str:
    """The path of a file that a config names: a relative one is relative to that config.

    Args:
        text: the path as the config has it.
        file: the config file.
        kind: what the path must be of, in the words of the error.

    Raises:
        ValueError: it is no path.
    """
    if not text or "\0" in text:
        raise ValueError(f"must be the path of a {kind}")
    return str(Path(file).parent / text)


def readable(path: str) -> str:
    """The path of a file, after an attempt to open it.

    Raises:
        ValueError: the file cannot be read; the message has the path and the reason.
    """
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"cannot read {_shown(path)}: {error.strerror}") from None


def read_file(field: Field) -> str:
    """The path of a file that must be readable; empty when the key is absent or wrong."""
    file = field.problems.file
    return field.text(lambda text: readable(beside(text, file)), "")


def read_secret(path: str) -> str:
    """The one line of a file, such as a password.

    Raises:
        ValueError: it cannot be read, or is not one line of text; the message has the path and
            nothing of the content.
    """
    try:
        content = Path(readable(path)).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{_shown(path)} is not UTF-8 text") from None
    lines = content.splitlines()
    if len(lines) != 1 or not lines[0]:
        raise ValueError(f"{_shown(path)} must have one line, which is the password")
    return lines[0]


def writable(path: str) -> str:
    """The path of a file that can be written, or made; nothing is made yet.

    Raises:
        ValueError: it cannot; the message has the path and the reason.
    """
    file = Path(path)
    existing = file if file.exists() else file.parent
    reason = None
    if file.is_dir():
        reason = "Is a directory"
    elif not existing.exists():
        reason = f"{_shown(str(existing))} does not exist"
    elif not os.access(existing, os.W_OK, effective_ids=True):
        reason = "Permission denied"
    if reason:
        raise ValueError(f"cannot write to {_shown(path)}: {reason}")
    return path


def writable_directory(path: str) -> str:
    """The path of a directory that is there and that files can be made in.

    Raises:
        ValueError: they cannot; the message has the path and the reason.
    """
    reason = None
    if not Path(path).exists():
        reason = "No such file or directory"
    elif not Path(path).is_dir():
        reason = "Not a directory"
    elif not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        reason = "Permission denied"
    if reason:
        raise ValueError(f"cannot write to {_shown(path)}: {reason}")
    return path


def _shown(path: str) -> str:
    return path if path.isprintable() else repr(path)
