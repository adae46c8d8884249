"""Everything that can go wrong and has a name.

The tree::

    SlurmExporterError
    ├── ConfigError            the config file or a flag is wrong; knows every problem
    ├── ListenError            an address cannot be listened on
    └── PollError              one poll failed; ``reason`` is the label value it is counted under
        ├── PollTimeoutError   timeout      no complete answer before the deadline
        ├── ConnectError       connect      no connection, or it broke
        ├── AuthError          auth         401 or 403, or no token to show
        ├── HttpStatusError    http_status  any other unexpected status
        ├── StandbyError       standby      a standby controller answered
        ├── TooLargeError      too_large    more bytes than ``body_size_limit``
        ├── EmptyError         empty        nothing where something must be
        ├── ParseError         parse        the answer is not metrics
        └── CommandError       command      a Slurm command failed

An exception outside this tree in a poll is a bug of ours and is counted as ``internal``.
"""

from __future__ import annotations

from dataclasses import dataclass


class SlurmExporterError(Exception):
    """Base of all errors that are reported as a sentence, without a traceback."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a config.

    Attributes:
        file: the file as the operator named it, or the flag (``--log.level``).
        line: 1-based line, or None where there is none (a flag, an unreadable file).
        path: the key, as in ``endpoints[2].interval``; empty for the file as a whole.
        message: what is wrong and what is allowed, a sentence without a full stop.
    """

    file: str
    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(SlurmExporterError):
    """The config is not usable; ``problems`` lists everything that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class ListenError(SlurmExporterError):
    """An address cannot be listened on."""


class PollError(SlurmExporterError):
    """One poll failed.  The message is for people, ``reason`` for the counter."""

    reason: str


class PollTimeoutError(PollError):
    """No complete answer before the deadline."""

    reason = "timeout"


class ConnectError(PollError):
    """No connection, or it broke before the answer was complete."""

    reason = "connect"


class AuthError(PollError):
    """Slurm refused to answer us, or we have nothing to show it."""

    reason = "auth"


class HttpStatusError(PollError):
    """An answer with a status that is no success."""

    reason = "http_status"


class StandbyError(PollError):
    """Only a standby controller answered, and it points to a host that the config does not name."""

    reason = "standby"


class TooLargeError(PollError):
    """The answer is larger than the limit."""

    reason = "too_large"


class EmptyError(PollError):
    """A success without any content where there must be some."""

    reason = "empty"


class ParseError(PollError):
    """The answer is not metrics."""

    reason = "parse"


class CommandError(PollError):
    """A Slurm command failed."""

    reason = "command"


INTERNAL = "internal"
"""The reason of a failure that is a bug of ours."""

REASONS = (
    "timeout",
    "connect",
    "auth",
    "http_status",
    "standby",
    "too_large",
    "empty",
    "parse",
    "command",
    INTERNAL,
)
"""Every value of the label ``reason`` of ``slurm_exporter_poll_failures_total``."""
