"""Reading scontrol show config."""

from __future__ import annotations

import pytest

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.commands.config import CONFIG
from tests.sources.cli.recordings import RELEASES, recorded, records


@pytest.mark.parametrize("release", RELEASES)
def test_what_accounting_enforces(release: str) -> None:
    """As the recorded clusters have it."""
    (settings,) = records(CONFIG, recorded("config", release))

    assert settings.enforced == {"associations", "limits", "qos"}


def test_accounting_need_not_enforce_anything() -> None:
    """Which is the default."""
    (settings,) = records(CONFIG, "AccountingStorageEnforce = none\nAccountingStorageHost = x\n")

    assert settings.enforced == {"none"}


def test_another_text_is_a_failure() -> None:
    """Not a cluster that enforces nothing."""
    with pytest.raises(ParseError, match="does not say what accounting enforces"):
        CONFIG.read("Configuration data as of 1795241380\n", "")
