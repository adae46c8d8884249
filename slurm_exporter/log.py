"""structlog, set up once: logfmt or JSON, for our own lines and for the libraries'."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from typing import TYPE_CHECKING, Any

import structlog

from slurm_exporter.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from slurm_exporter.config import Logging

_STREAMS = {"stdout": lambda: sys.stdout, "stderr": lambda: sys.stderr}
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(10), *range(11, 32), *range(127, 160))}


def set_up(config: Logging) -> None:
    """Send all log lines where the config says; may be called again after a reload.

    Raises:
        ConfigError: the log file cannot be opened.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    handler = _handler(config.output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_controls,
                _RENDERERS[config.format],
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if getattr(old, "of_slurm_exporter", False):
            root.removeHandler(old)
            old.close()
    handler.of_slurm_exporter = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(config.level.upper())
    # The libraries' own chatter is about their insides; only what is wrong there matters here.
    # uvicorn would also write a warning for each request that is none, for whoever sends them.
    for name, level in (("urllib3", "WARNING"), ("asyncio", "WARNING"), ("uvicorn", "ERROR")):
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _handler(output: str) -> logging.Handler:
    if output in _STREAMS:
        return logging.StreamHandler(_STREAMS[output]())
    try:
        return logging.handlers.WatchedFileHandler(output, encoding="utf-8")
    except OSError as error:
        message = f"cannot write to {output}: {error.strerror}"
        raise ConfigError((Problem("logging.output", None, "", message),)) from error


def _without_controls(_: Any, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Escape what would drive a terminal; line feeds are escaped by both formats themselves.

    What a stranger answered us stands in some lines.
    """
    return {
        key: value.translate(_CONTROLS) if isinstance(value, str) else value
        for key, value in event.items()
    }


_RENDERERS: dict[str, Any] = {
    "json": structlog.processors.JSONRenderer(ensure_ascii=False),
    "logfmt": structlog.processors.LogfmtRenderer(
        key_order=["time", "level", "event"], bool_as_flag=False
    ),
}
