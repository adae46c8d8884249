"""Slurm's tokens: what one looks like, until when it is good, and the command that makes one."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import TYPE_CHECKING

from slurm_exporter.sources import process

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 16 * 1024
"""Bytes in which any token fits."""

# As RFC 6750 allows it in a header, and as `scontrol token` prints it.
_TOKEN = re.compile(rb"\s*(?:SLURM_JWT=)?(?!SLURM_JWT=)([A-Za-z0-9._~+/-]+=*)\s*")


def read_token(content: bytes) -> str:
    """Return the token in a file or in a command's output: bare, or as ``scontrol token`` says it.

    Raises:
        ValueError: there is none; the message does not say what is there instead.
    """
    if not content.strip():
        raise ValueError("is empty")
    match = _TOKEN.fullmatch(content)
    if match is None or len(content) > LONGEST:
        raise ValueError("holds no token: it must be one word, with or without SLURM_JWT= before")
    return match[1].decode()


def expiry(token: str) -> float | None:
    """Return when a JSON Web Token expires (unix s); None when it does not say so."""
    try:
        _, claims, _ = token.split(".")
        exp = json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"]
        seconds = float(exp)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return seconds if math.isfinite(seconds) else None


def run(command: Sequence[str], seconds: float) -> bytes:
    """Run a command without a shell, and return what it wrote to standard output.

    What it says on standard error is thrown away, since nobody knows whether a token is in it.

    Args:
        command: the program and its arguments.
        seconds: how long it may take.

    Raises:
        ValueError: it cannot be run, failed, took too long or said too much; the message says
            which.
    """
    try:
        finished = process.run(command, seconds, limit=LONGEST)
    except OSError as error:
        raise ValueError(f"cannot be run: {command[0]}: {error.strerror}") from error
    except process.TooSlowError:
        raise ValueError(f"took longer than {seconds:.3g} s") from None
    except process.TooMuchError:
        raise ValueError("prints more than a token") from None
    if finished.code:
        raise ValueError(f"failed ({process.ending(finished.code)}); run it by hand to see why")
    return bytes(finished.output)
