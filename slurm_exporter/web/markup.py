"""HTML that cannot be forged: what is filled into a template is text, unless made here."""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Html(str):
    """Markup.  Text of any other kind is escaped where it is filled in."""

    __slots__ = ()


def markup(value: object) -> Html:
    """Return a value as markup: Html as it is, all else escaped."""
    if isinstance(value, Html):
        return value
    # Half a surrogate pair is what is left of bytes that were no UTF-8, and cannot be sent.
    return Html(escape(str(value).encode(errors="replace").decode()))


def fill(template: str, **values: object) -> Html:
    """Return the template with each ``$name`` replaced by its value as markup."""
    return Html(Template(template).substitute({k: markup(v) for k, v in values.items()}))


def join(pieces: Iterable[Html]) -> Html:
    """Return pieces of markup as one."""
    return Html("".join(pieces))
