"""The text formats a scraper can ask for, and how it asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Format(Enum):
    """The two ways to write a page; versions of one format differ only in their name."""

    TEXT = "text"
    OPENMETRICS = "openmetrics"


@dataclass(frozen=True, slots=True)
class Media:
    """What an answer is: its format and the Content-Type that announces it."""

    format: Format
    content_type: str


_TEXT = ("text/plain", "0.0.4")
_FORMATS = {
    _TEXT: Format.TEXT,
    ("text/plain", "1.0.0"): Format.TEXT,
    ("application/openmetrics-text", "0.0.1"): Format.OPENMETRICS,
    ("application/openmetrics-text", "1.0.0"): Format.OPENMETRICS,
}
_DEFAULT_VERSIONS = {"text/plain": "0.0.4", "application/openmetrics-text": "1.0.0"}
_WILDCARDS = ("*/*", "text/*")
_ESCAPINGS = ("allow-utf-8", "underscores", "dots", "values")


@lru_cache(maxsize=32)
def negotiate(accept: str) -> Media:
    """Choose the format for an ``Accept`` header.

    The offer with the highest ``q`` that we speak wins, the first among equals; where there is
    none the answer is text 0.0.4, which every scraper reads.  The escaping scheme that a client
    names is confirmed: all our names are plain, so every scheme leaves them as they are.
    """
    offers = [offer for offer in map(_offer, accept.split(",")) if offer is not None]
    if not offers:
        return _media(_TEXT, "")
    _, key, escaping = max(offers, key=lambda offer: offer[0])
    return _media(key, escaping)


def _offer(text: str) -> tuple[float, tuple[str, str], str] | None:
    """Read one element of an Accept header as (q, (media type, version), escaping)."""
    kind, *rest = (token.strip() for token in text.split(";"))
    parameters = dict(token.replace(" ", "").split("=", 1) for token in rest if "=" in token)
    quality = _quality(parameters.get("q", "1"))
    if quality <= 0:
        return None
    if kind in _WILDCARDS:
        return quality, _TEXT, ""
    key = (kind, parameters.get("version", _DEFAULT_VERSIONS.get(kind, "")))
    return (quality, key, parameters.get("escaping", "")) if key in _FORMATS else None


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _media(key: tuple[str, str], escaping: str) -> Media:
    kind, version = key
    content_type = f"{kind}; version={version}; charset=utf-8"
    if version == "1.0.0" and escaping in _ESCAPINGS:
        content_type += f"; escaping={escaping}"
    return Media(_FORMATS[key], content_type)
