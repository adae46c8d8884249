"""Keeps a ledger in a file, so that a restart neither counts again nor forgets."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from slurm_exporter.config import since_time
from slurm_exporter.errors import CommandError
from slurm_exporter.sources.cli.ledger import Ledger

if TYPE_CHECKING:
    from slurm_exporter.config import History, Slurm

_ENVIRONMENT = ("SLURM_CONF", "SLURM_CONF_SERVER")
"""What tells Slurm's commands which cluster is meant."""

log = structlog.get_logger()


class Keeper:
    """The ledger of one cluster, in memory and, if there is a directory for it, in a file.

    The file is replaced as a whole: whenever we are killed, it is as it was before or after.  No
    two keepers have the same one, in whatever process.  Used by one thread at a time.

    Attributes:
        saved: whether the file has all that was counted.
    """

    def __init__(self, slurm: Slurm, *, keeps: bool = True) -> None:
        """Find the file; read nothing yet.

        Args:
            slurm: the cluster, and perhaps the directory.
            keeps: whether to use a file at all; somebody else may need it.
        """
        self._cluster = _told_apart_by(slurm)
        self._file = _file(slurm) if keeps else None
        self._keeps = keeps
        self.saved = self._file is not None
        self._locked = False
        self._ledger: Ledger | None = None
        self._trouble = ""

    def reconfigured(self, slurm: Slurm) -> Keeper:
        """Return the keeper for another config: this one while cluster and file are the same."""
        same = (_told_apart_by(slurm), _file(slurm)) == (self._cluster, self._file)
        return self if same else Keeper(slurm)

    def ledger(self, history: History, now: float) -> Ledger:
        """Return the ledger to go on with, or begin one.

        Args:
            history: what is to be counted.
            now: unix time.

        Raises:
            CommandError: there is a file, and it cannot be read, or is another exporter's.
        """
        self._lock()
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
            _replace(self._file, {"cluster": self._cluster, **self._ledger.state()})
        except OSError as error:
            trouble = f"{self._file}: {error.strerror}"
            if trouble != self._trouble:
                log.error("history.not_saved", error=trouble)
        self._trouble, self.saved = trouble, not trouble

    def _lock(self) -> None:
        """Keep others from the file for as long as we live."""
        if self._file is None or self._locked:
            return
        lock = self._file.with_suffix(".lock")
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:  # nor can the file be saved then, and that is said
            return
        give_back = weakref.finalize(self, os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            give_back()
            raise CommandError(f"{self._file} is in use: another exporter holds {lock}") from None
        except OSError:  # some file systems cannot lock
            give_back()
        else:
            self._locked = True

    def _loaded(self) -> Ledger | None:
        if self._file is None:
            if self._keeps:
                log.warning("history.not_kept", why="slurm.cli.state_directory is not set")
            return None
        _tidy(self._file)
        try:
            return _read(self._file, self._cluster)
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


def _told_apart_by(slurm: Slurm) -> dict[str, Any]:
    """Return what is known of a cluster without asking it."""
    environment = {name: os.environ.get(name) for name in _ENVIRONMENT}
    return {"urls": list(slurm.urls), "path": slurm.cli.path, **environment}


def _file(slurm: Slurm) -> Path | None:
    directory = slurm.cli.state_directory or _systemd_directory()
    if not directory:
        return None
    cluster = json.dumps(_told_apart_by(slurm)).encode()
    digest = hashlib.blake2b(cluster, digest_size=6).hexdigest()
    return Path(directory, f"history-{digest}.json")


def _systemd_directory() -> str:
    """Return the first of the service's own directories, which systemd has made."""
    return os.environ.get("STATE_DIRECTORY", "").partition(":")[0]


def _read(file: Path, cluster: dict[str, Any]) -> Ledger:
    try:
        state = json.loads(file.read_bytes())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    ledger = Ledger.restored(state)
    if state.get("cluster") != cluster:
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
