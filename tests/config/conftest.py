"""What the tests of the config share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import parse
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
