"""The turns of phrase that messages about a config share."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_LONGEST_QUOTE = 40


def quote(text: str) -> str:
    """What the operator wrote, on one line, printable and short enough for a message."""
    short = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."
    return repr(short)


def either(words: Sequence[str]) -> str:
    """The alternatives as prose: ``a``, ``a or b``, ``a, b or c``."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that ``word`` is most likely a misspelling of, if there is one near."""
    matches = difflib.get_close_matches(word[:_LONGEST_QUOTE].lower(), known, n=1)
    return matches[0] if matches else None


def suggestion(word: str, known: Collection[str]) -> str:
    """``; did you mean `x`?`` when a known word is near, otherwise nothing."""
    near = nearest(word, known)
    return f"; did you mean `{near}`?" if near else ""
