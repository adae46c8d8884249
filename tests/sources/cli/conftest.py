"""What the tests of commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake_commands import FakeCommands

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def commands(tmp_path: Path) -> FakeCommands:
    """Commands of a healthy cluster."""
    return FakeCommands(tmp_path / "slurm")
