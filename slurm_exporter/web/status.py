"""The status page: what is known about the endpoints, as one HTML document for people.

The markup is in ``status.html``; this module fills it in.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

from slurm_exporter.web.markup import Html, fill, join
from slurm_exporter.web.picture import bars, caption
from slurm_exporter.web.summary import condition, summarise
from slurm_exporter.web.words import ago, clock, counted, iso, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Endpoint = Mapping[str, Any]

_DOCUMENT = resources.files("slurm_exporter.web").joinpath("status.html").read_text("utf-8")
_BEGIN, _ENDPOINT, _END = _DOCUMENT.split("<!-- each endpoint -->\n")
_PAGE = f"{_BEGIN}$endpoints{_END}"

_MARK = (
    '<span class="mark $condition"><svg class="icon" aria-hidden="true">'
    '<use href="#$condition"/></svg>$words</span> '
)
_LIFE = (
    '<svg class="life" viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden="true">'
    '<rect class="spent" width="$spent" height="5"/>'
    '<rect class="limit" x="$limit" width="1.5" height="5"/></svg>'
)
_ERROR = (
    '<li class="$kind"><span class="label">$label</span> <code>$reason</code> '
    '<span class="note">$ago, at $when</span> <bdi class="message">$message</bdi></li>'
)
_REMARKS = '<ul class="remarks">$remarks</ul>'
_REMARK = '<li><span class="label">$label</span> $words</li>'


def _hash_source(tag: str) -> str:
    """Name the template's only ``tag`` element as a source of a Content-Security-Policy."""
    content = _DOCUMENT.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src {_hash_source('script')}",
        f"style-src {_hash_source('style')}",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""The header to send with the page: it runs its own script and style and nothing else."""


_TAB_COLOURS = {
    "hanging": "crimson",
    "expired": "crimson",
    "never": "crimson",
    "stale": "darkorange",
    "failing": "darkorange",
    "waiting": "gray",
    "up": "seagreen",
}
"""What the browser's tab shows of the worst condition."""


def render_status(facts: Mapping[str, Any]) -> str:
    """Return the status page, a complete HTML document.

    Args:
        facts: what ``slurm_exporter.web.facts.facts`` returns.
    """
    endpoints, now = facts["endpoints"], facts["time"]
    summary = summarise(endpoints)
    return fill(
        _PAGE,
        version=facts["version"],
        telemetry_path=facts["telemetry_path"],
        condition=summary.condition,
        colour=_TAB_COLOURS[summary.condition],
        headline=summary.headline,
        details=summary.details,
        moment=_moment(now),
        endpoints=join(_card(number, endpoint, now) for number, endpoint in enumerate(endpoints)),
    )


def _moment(time: float, now: float = 0.0) -> Html:
    return fill('<time datetime="$iso">$clock</time>', iso=iso(time), clock=clock(time, now))


# -------------------------------------------------------------- one endpoint


def _card(number: int, endpoint: Endpoint, now: float) -> Html:
    recent = endpoint["recent"]
    return fill(
        _ENDPOINT,
        number=number,
        condition=condition(endpoint),
        name=endpoint["name"],
        source=endpoint["source"],
        marks=_marks(endpoint),
        bars=bars(recent, now),
        caption=caption(recent, now),
        remarks=_remarks(endpoint, now),
        **_age(endpoint),
        **_numbers(endpoint, now),
    )


_STATES = {"waiting": "not polled yet", "never": "never answered"}
"""What a mark says where the state's name would say too little."""


def _marks(endpoint: Endpoint) -> Html:
    state, row = endpoint["state"], endpoint["failures_in_row"]
    known = "waiting" if condition(endpoint) == "waiting" else state
    marks = [fill(_MARK, condition=known, words=_STATES.get(known, known))]
    if endpoint["hanging"]:
        marks.append(fill(_MARK, condition="hanging", words="poller hangs"))
    # What never answered has failed whenever it was polled.
    if row and state != "never":
        words = f"failing, {row} in a row" if row > 1 else "last poll failed"
        marks.append(fill(_MARK, condition="failing", words=words))
    return join(marks)


def _age(endpoint: Endpoint) -> dict[str, object]:
    """Return the age in words, and what part of the longest life it is."""
    age, longest = endpoint["age_seconds"], endpoint["max_age_seconds"]
    if age is None:
        return {"age": "no data yet", "age_note": "", "life": ""}
    spent = f"{min(100, 100 * age / longest):.1f}"
    limit = f"{100 * endpoint['stale_after_seconds'] / longest:.1f}"
    return {
        "age": span(round(age)),
        "age_note": _age_note(endpoint),
        "life": fill(_LIFE, spent=spent, limit=limit),
    }


def _age_note(endpoint: Endpoint) -> str:
    if endpoint["state"] == "expired":
        return "still served" if endpoint["on_expiry"] == "keep" else "no longer served"
    if endpoint["state"] == "stale":
        return f"expires after {span(endpoint['max_age_seconds'])}"
    return f"stale after {span(endpoint['stale_after_seconds'])}"


def _numbers(endpoint: Endpoint, now: float) -> dict[str, object]:
    success = endpoint["last_success_timestamp_seconds"]
    duration = endpoint["last_duration_seconds"]
    return {
        "success": "never" if success is None else ago(success, now),
        "success_note": "" if success is None else _moment(success, now),
        "interval": span(endpoint["effective_interval_seconds"]),
        "interval_note": "stretched" if _stretched(endpoint) else "",
        "duration": "no poll yet" if duration is None else span(duration),
        "polls": f"{counted(endpoint['polls'], 'poll')}, {endpoint['failures']:,} failed",
        "samples": f"{endpoint['samples']:,}",
        "size": size(endpoint["body_bytes"]),
    }


def _stretched(endpoint: Endpoint) -> bool:
    return bool(endpoint["effective_interval_seconds"] > endpoint["interval_seconds"])


# -------------------------------------------------------------- what is out of the ordinary


def _remarks(endpoint: Endpoint, now: float) -> Html:
    oddities = (fill(_REMARK, label=label, words=words) for label, words in _oddities(endpoint))
    remarks = join([*_error(endpoint, now), *oddities])
    return fill(_REMARKS, remarks=remarks) if remarks else remarks


def _error(endpoint: Endpoint, now: float) -> Iterator[Html]:
    error = endpoint["last_error"]
    if error is None:
        return
    over = endpoint["failures_in_row"] == 0
    yield fill(
        _ERROR,
        kind="over" if over else "current",
        label="Last error, over:" if over else "Last error, going on:",
        reason=error["reason"],
        ago=ago(error["timestamp_seconds"], now),
        when=_moment(error["timestamp_seconds"], now),
        message=error["message"],
    )


def _oddities(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Yield what else should make one think, as a label and words."""
    if _stretched(endpoint):
        yield (
            f"Interval stretched from {span(endpoint['interval_seconds'])}",
            "because a poll takes too large a share of it (max_duty_cycle)",
        )
    if endpoint["skipped"]:
        yield (
            f"{counted(endpoint['skipped'], 'poll')} skipped since start",
            "because the one before was still under way",
        )
    if dropped := [f"{count:,} {why}" for why, count in endpoint["dropped"].items() if count]:
        yield "Rows dropped since start:", ", ".join(dropped)
