"""From a config file to a ``Config``, or to everything that is wrong with the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.config.endpoints import read_endpoints
from slurm_exporter.config.files import beside, read_text, writable
from slurm_exporter.config.model import LOG_FORMATS, LOG_LEVELS, MORE_LABELS, Config, Logging
from slurm_exporter.config.problems import Problems
from slurm_exporter.config.sections import open_document
from slurm_exporter.config.server import read_server
from slurm_exporter.config.slurm import read_slurm
from slurm_exporter.config.times import Inherited
from slurm_exporter.config.values import check_label_name
from slurm_exporter.config.words import quote, suggestion

if TYPE_CHECKING:
    from slurm_exporter.config.fields import Field
    from slurm_exporter.config.sections import Section

_LOG_STREAMS = ("stderr", "stdout")


def load(path: str) -> Config:
    """The config in a file.

    Args:
        path: the file; relative paths in it are relative to it.

    Raises:
        ConfigError: it cannot be read or is wrong; has every problem, in the order of the file.
    """
    return parse(read_text(path, Problems(path)), path)


def parse(text: str, file: str) -> Config:
    """The config in a YAML text.

    Args:
        text: the content of the file.
        file: its name, for messages, for ``Config.file`` and for relative paths.

    Raises:
        ConfigError: the text is wrong; has every problem, in the order of the text.
    """
    problems = Problems(file)
    config = _read_config(open_document(text, problems), file)
    problems.raise_if_any()
    return config


def _read_config(root: Section, file: str) -> Config:
    slurm_section = root.section("slurm")
    slurm = read_slurm(slurm_section)
    inherited = Inherited(slurm_section.take("timeout"), slurm.timeout, slurm.source)
    server = read_server(root.section("server"))
    endpoints = read_endpoints(root.take("endpoints"), inherited)
    labels = root.section("labels")
    config = Config(
        file=file,
        slurm=slurm,
        server=server,
        endpoints=endpoints,
        labels=tuple(_read_label(*label) for label in labels.all()),
        logging=_read_logging(root.section("logging"), file),
    )
    _check_labels(labels, config)
    root.finish()
    return config


def _read_label(name: str, field: Field) -> tuple[str, str]:
    return field.key(check_label_name, name), field.any_text("")


def _check_labels(section: Section, config: Config) -> None:
    """Refuse labels that samples of an endpoint have already which not everybody polls."""
    for name, field in section.all():
        for endpoint in config.enabled_endpoints:
            if name in MORE_LABELS.get(endpoint.name, ()):
                field.fail(
                    f"samples of the endpoint {endpoint.name} have a label of this name already"
                )


def _read_logging(section: Section, file: str) -> Logging:
    default = Logging()

    def check_output(text: str) -> str:
        if text in _LOG_STREAMS:
            return text
        if "/" not in text:
            raise ValueError(
                "must be stderr, stdout or the path of a file with a / in it,"
                f" not {quote(text)}{suggestion(text, _LOG_STREAMS)}"
            )
        return writable(beside(text, file))

    logging = Logging(
        level=section.take("level").choice(LOG_LEVELS, default.level),
        format=section.take("format").choice(LOG_FORMATS, default.format),
        output=section.take("output").text(check_output, default.output),
    )
    section.finish()
    return logging
