"""What the tests of the config share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import load_web_config, parse
from slurm_exporter.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "exporter.yml"


@pytest.fixture
def complaints() -> Callable[[str], list[str]]:
    """What an operator reads about a config text, without the file's name."""

    def complaints(text: str) -> list[str]:
        try:
            parse(text, FILE)
        except ConfigError as error:
            return [str(problem).removeprefix(f"{FILE}:") for problem in error.problems]
        return []

    return complaints


@pytest.fixture
def web(tmp_path):
    """Load a web configuration file that lies beside a certificate, a key and a CA."""
    for name in ("cert.pem", "key.pem", "ca.pem"):
        (tmp_path / name).touch()

    def web(text):
        path = tmp_path / "web.yml"
        path.write_text(text)
        return load_web_config(str(path))

    return web


@pytest.fixture
def noted(web):
    """What is said about a wrong file, without its name."""

    def noted(text):
        with pytest.raises(ConfigError) as caught:
            web(text)
        return [str(p).removeprefix(f"{p.file}:") for p in caught.value.problems]

    return noted
