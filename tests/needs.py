"""What some tests need and not every machine has."""

from __future__ import annotations

import os

import pytest

REQUIRE = "SLURM_EXPORTER_TESTS_REQUIRE"
"""Environment variable: what must not be skipped, separated by commas.  CI sets it."""


def need(what: str, missing: str | None) -> None:
    """Skip the test when something is missing, or fail it where that must not be skipped.

    Args:
        what: the name by which ``REQUIRE`` asks for it.
        missing: what is missing, in words; None when all is there.
    """
    if missing is None:
        return
    if what in os.environ.get(REQUIRE, "").split(","):
        pytest.fail(f"{REQUIRE} asks for {what}, but {missing}")
    pytest.skip(missing)
