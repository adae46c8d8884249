"""The section ``endpoints``."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING

from slurm_exporter.config.fields import distinct
from slurm_exporter.config.model import (
    DEFAULT_ENDPOINTS,
    HISTORY_BY,
    MORE_ENDPOINTS,
    ON_EXPIRY,
    SOURCES,
    Endpoint,
    History,
)
from slurm_exporter.config.sections import read_section
from slurm_exporter.config.since import SINCE_FORM, reader
from slurm_exporter.config.times import (
    check_defaults,
    check_times,
    read_age,
    read_interval,
    read_overlap,
    read_timeout,
)
from slurm_exporter.config.values import check_path
from slurm_exporter.config.words import either, quote, suggestion

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section
    from slurm_exporter.config.times import Inherited

_HISTORY_KEYS = ("since", "by", "overlap")

_DEFAULTS = {endpoint.name: endpoint for endpoint in (*DEFAULT_ENDPOINTS, *MORE_ENDPOINTS)}


def read_endpoints(field: Field, inherited: Inherited) -> tuple[Endpoint, ...]:
    """The endpoints that the file lists, or the defaults when it has no list.

    Args:
        field: the list in the file.
        inherited: the timeout and the source of endpoints without their own.
    """
    items = field.items("a list of endpoints")
    if items is None:
        return _default_endpoints(field, inherited)
    sections = [read_section(item, "a mapping such as {name: jobs}") for item in items]
    endpoints = _listed_endpoints([s for s in sections if s is not None], inherited)
    if None not in sections and not any(endpoint.enabled for endpoint in endpoints):
        field.fail("has no enabled endpoint, so there is nothing to poll")
    return endpoints


def _default_endpoints(field: Field, inherited: Inherited) -> tuple[Endpoint, ...]:
    endpoints = tuple(
        replace(
            endpoint,
            source=inherited.source,
            timeout=inherited.seconds,
            interval=endpoint.interval_with(inherited.source),
        )
        for endpoint in DEFAULT_ENDPOINTS
    )
    if field.clean and inherited.settled:
        check_defaults(inherited, endpoints)
    return endpoints


def _listed_endpoints(sections: list[Section], inherited: Inherited) -> tuple[Endpoint, ...]:
    names = [section.take("name", required=True) for section in sections]
    defaults = [name.text(_known_endpoint, None) for name in names]
    distinct(zip(names, defaults, strict=True), "endpoint")
    return tuple(map(_read_endpoint, sections, defaults, repeat(inherited)))


def _known_endpoint(name: str) -> Endpoint:
    if name in _DEFAULTS:
        return _DEFAULTS[name]
    hint = suggestion(name, _DEFAULTS)
    raise ValueError(f"there is no endpoint {quote(name)}, only {', '.join(_DEFAULTS)}{hint}")


def _read_endpoint(section: Section, known: Endpoint | None, inherited: Inherited) -> Endpoint:
    # An unknown name does not keep the other keys from being checked.
    default = known or DEFAULT_ENDPOINTS[0]
    source = _read_source(section, default, inherited)
    given = read_interval(section.take("interval"))
    endpoint = Endpoint(
        name=default.name,
        path=section.take("path").text(check_path, default.path),
        source=source,
        enabled=section.take("enabled").boolean(default=default.enabled),
        interval=given or default.interval_with(source),
        cli_interval=given or default.cli_interval,
        timeout=read_timeout(section.take("timeout"), inherited.seconds),
        stale_after=read_age(section.take("stale_after")),
        max_age=read_age(section.take("max_age")),
        on_expiry=section.take("on_expiry").choice(ON_EXPIRY, default.on_expiry),
        history=_read_history(section, known.history if known else History()),
    )
    if section.finish() and known and endpoint.enabled:
        check_times(section, endpoint, inherited)
    return endpoint


def _read_source(section: Section, endpoint: Endpoint, inherited: Inherited) -> str:
    source = section.take("source")
    if endpoint.path:
        return source.choice(SOURCES, inherited.source)
    section.refuse(["path"], "slurmctld has no such endpoint; its source is cli")
    return source.text(_only_commands, "cli", "cli")


def _only_commands(source: str) -> str:
    if source == "cli":
        return source
    raise ValueError(f"must be cli, not {quote(source)}: slurmctld has no such endpoint")


def _read_history(section: Section, default: History | None) -> History | None:
    """What is counted; nothing else than jobs that have ended is."""
    if default is None:
        section.refuse(_HISTORY_KEYS, "is for the endpoint history only")
        return None
    since = section.take("since")
    return History(
        since=since.date_or_text(reader(since.problems.file), default.since, SINCE_FORM),
        by=_read_by(section.take("by")),
        overlap=read_overlap(section.take("overlap"), default.overlap),
    )


def _read_by(field: Field) -> tuple[str, ...]:
    items = field.one_or_more(f"{either(HISTORY_BY)}, or a list of both") or ()
    words = distinct([(item, item.choice(HISTORY_BY, "") or None) for item in items], "word")
    return tuple(word for word in HISTORY_BY if word in words)
