"""What is missing is said, and forgiven only where it may be."""

from __future__ import annotations

import pytest

from tests.needs import REQUIRE, need


def test_what_is_there_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Required or not."""
    monkeypatch.setenv(REQUIRE, "slurm")

    need("slurm", None)


def test_what_is_missing_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which pytest prints."""
    monkeypatch.setenv(REQUIRE, "browser")

    with pytest.raises(pytest.skip.Exception, match="mmdebstrap is not installed"):
        need("slurm", "mmdebstrap is not installed")


def test_what_is_missing_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing important skips in CI."""
    monkeypatch.setenv(REQUIRE, "browser,slurm")

    with pytest.raises(pytest.fail.Exception, match="asks for slurm, but mmdebstrap is not"):
        need("slurm", "mmdebstrap is not installed")
