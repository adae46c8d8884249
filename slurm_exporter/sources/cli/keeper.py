"""Keeps a ledger in a file, so that a restart neither counts again nor forgets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from slurm_exporter.config import since_time
from slurm_exporter.errors import CommandError
from slurm_exporter.sources.cli.ledger import Ledger

if TYPE_CHECKING:
    from slurm_exporter.config import History, Slurm

log = structlog.get_logger()


class Keeper:
    """The ledger of one cluster, in memory and, if there is a directory for it, in a file.

    The file is replaced as a whole: whenever we are killed, it is as it was before or after.
    Used by one thread at a time.
    """

    def __init__(self, slurm: Slurm) -> None:
        """Find the file; read nothing yet.

        Args:
            slurm: the cluster, which its URLs stand for, and perhaps the directory.
        """
        directory = slurm.cli.state_directory or _systemd_directory()
        digest = hashlib.blake2b("\n".join(slurm.urls).encode(), digest_size=6).hexdigest()
        self._urls = list(slurm.urls)
        self._file = Path(directory, f"history-{digest}.json") if directory else None
        self._ledger: Ledger | None = None
        self._trouble = ""

    def ledger(self, history: History, now: float) -> Ledger:
        """Return the ledger to go on with, or begin one.

        Args:
            history: what is to be counted.
            now: unix time.

        Raises:
            CommandError: there is a file, and it cannot be read.
        """
        if self._ledger is None:
            self._ledger = self._loaded()
        since = since_time(history.since, now)
        why = _why_anew(self._ledger, history, since, now)
        if self._ledger is None or why:
            self._ledger = Ledger.begun(history, since)
            log.info("history.begun", since=history.since, timestamp=since, why=why)
        return self._ledger

    def save(self) -> None:
        """Write the ledger down; what keeps us from it is logged, once."""
        if self._file is None or self._ledger is None:
            return
        trouble = ""
        try:
            _replace(self._file, {"urls": self._urls, **self._ledger.state()})
        except OSError as error:
            trouble = f"{self._file}: {error.strerror}"
            if trouble != self._trouble:
                log.error("history.not_saved", error=trouble)
        self._trouble = trouble

    def _loaded(self) -> Ledger | None:
        if self._file is None:
            log.warning("history.not_kept", why="there is neither state_directory nor systemd's")
            return None
        _tidy(self._file)
        try:
            return _read(self._file, self._urls)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CommandError(f"cannot read {self._file}: {error.strerror}") from error
        except ValueError as error:
            aside = self._file.with_suffix(".broken")
            log.error("history.set_aside", file=str(self._file), to=str(aside), error=str(error))
            with contextlib.suppress(OSError):  # what cannot be moved is overwritten
                self._file.rename(aside)
            return None


def _why_anew(ledger: Ledger | None, history: History, since: int, now: float) -> str:
    """Return why a ledger is to be begun; empty when there is one to go on with."""
    if ledger is None:
        return "nothing was counted before"
    if not ledger.answers(history):
        return "the config wants something else than before"
    if since <= now < ledger.since and not ledger.totals:
        return "the clock was ahead when it was begun"
    return ""


def _systemd_directory() -> str:
    """Return the first of the service's own directories, which systemd has made."""
    return os.environ.get("STATE_DIRECTORY", "").partition(":")[0]


def _read(file: Path, urls: list[str]) -> Ledger:
    try:
        state = json.loads(file.read_bytes())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    ledger = Ledger.restored(state)
    if state.get("urls") != urls:
        raise ValueError("it is another cluster's")
    return ledger


def _replace(file: Path, state: dict[str, Any]) -> None:
    """Put a new file in the place of another, at once and for good."""
    handle, new = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.", suffix=".new")
    try:
        with open(handle, "w", encoding="utf-8") as stream:  # noqa: PTH123  # a descriptor
            json.dump(state, stream, separators=(",", ":"))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, file)  # noqa: PTH105  # a string is what mkstemp made
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)  # noqa: PTH108
        raise
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _tidy(file: Path) -> None:
    """Remove what a kill in the middle of writing has left."""
    for new in file.parent.glob(f"{file.name}.*.new"):
        with contextlib.suppress(OSError):
            new.unlink()
